"""The frame of a plot: its size, its axes with their labels, and where values lie in it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from hpo.reports.page.svg import line, svg, tag, text
from hpo.reports.scales import AxisScale, short

LETTER = 6.4
"""Mean width of a letter at the size of labels."""

WIDE_LETTER = 7.4
"""Width of a letter in words of wide letters, such as momentum."""

LONGEST_LABEL = 9
"""Letters of a label below a plot; where not all labels fit, every second or third is left out."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A plot's rectangle, in pixels.

    Attributes:
        width: Of the whole drawing.
        height: Of the whole drawing.
        left: Free space for labels.
        bottom: Free space for labels.
        top: Free space for labels.
        right: Free space.
    """

    width: float
    height: float
    left: float = 52
    bottom: float = 40
    top: float = 24
    right: float = 12

    def x(self, share: float) -> float:
        """Return the horizontal position of a share of the width, from 0 to 1."""
        return self.left + share * (self.width - self.left - self.right)

    def y(self, share: float) -> float:
        """Return the vertical position of a share of the height, from 0 at the bottom to 1."""
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)

    def drawing(self, label: str, *parts: Iterable[Markup]) -> Markup:
        """Return the drawing of elements."""
        return svg(self.width, self.height, label, (element for part in parts for element in part))

    def across(self, scale: AxisScale, title: str, *, whole: bool = False) -> Iterable[Markup]:
        """Yield a horizontal axis, labelled at whole numbers only if asked to."""
        ticks = scale.ticks(min(6, max(2, int(self.width / 70))))
        labels = [(scale.at(tick), short(tick)) for tick in ticks if not whole or tick == int(tick)]
        return self.across_labels(labels, title)

    def across_labels(self, labels: Sequence[tuple[float, str]], title: str) -> Iterable[Markup]:
        """Yield a horizontal axis with given labels, as far as they fit."""
        base = self.y(0)
        yield line(self.x(0), base, self.x(1), base, "axis")
        length = min(LONGEST_LABEL, max((len(words) for _, words in labels), default=1)) + 1
        fitting = max(1, int((self.x(1) - self.x(0)) / (length * LETTER)))
        every = math.ceil(len(labels) / fitting)
        for number, (share, words) in enumerate(labels):
            x = self.x(share)
            yield line(x, base, x, base + 4, "axis")
            if number % every == 0:
                yield text(x, base + 17, cut(words, LONGEST_LABEL), "tick", "middle")
        yield text((self.x(0) + self.x(1)) / 2, self.height - 6, title, "label", "middle")

    def up(self, scale: AxisScale, title: str, most: int = 6, *, whole: bool = False) -> Iterable[Markup]:
        """Yield a vertical axis with its title above it and lines across the plot.

        It is labelled at whole numbers only if asked to.
        """
        ticks = [tick for tick in scale.ticks(most) if not whole or tick == int(tick)]
        labels = [(scale.at(tick), short(tick)) for tick in ticks]
        return self.up_labels(labels, title)

    def up_labels(self, labels: Sequence[tuple[float, str]], title: str) -> Iterable[Markup]:
        """Yield a vertical axis with given labels."""
        room = int((self.left - 8) / LETTER)
        for share, words in labels:
            y = self.y(share)
            yield line(self.x(0), y, self.x(1), y, "grid")
            yield text(self.left - 6, y + 4, cut(words, room), "tick", "end")
        yield text(4, 13, title, "label")


def room_for(labels: Iterable[str]) -> float:
    """Return the space that labels beside a vertical axis need, up to the longest that is not cut."""
    longest = max((len(label) for label in labels), default=0)
    return 16 + WIDE_LETTER * min(LONGEST_LABEL, longest)


def cut(words: str, most: int) -> str:
    """Return a text cut to a number of letters; the table beside a plot has it in full."""
    return words if len(words) <= most else words[: max(1, most - 1)] + "…"


def legend(frame: Frame, entries: Iterable[tuple[Markup, str]]) -> Iterable[Markup]:
    """Yield a legend above the plot: marks drawn around the origin, each with its meaning."""
    x, y = frame.left + 8, 30.0
    for drawn, words in entries:
        length = 26 + LETTER * len(words)
        if x > frame.left + 8 and x + length > frame.width:
            x, y = frame.left + 8, y + 15
        yield tag("g", drawn, transform=f"translate({x:.0f} {y:.0f})")
        yield text(x + 9, y + 4, words, "tick")
        x += length
