"""Plots of the scores of a search's result: estimates with intervals, and finalists seed by seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from hpo.core.account import FreshValues
from hpo.core.estimates import ScoreInterval
from hpo.core.formatting import score
from hpo.reports.page.frame import Frame, cut
from hpo.reports.page.svg import line, mark, text
from hpo.reports.scales import AxisScale

ROW = 30
"""Height of a row."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One row of the plot of estimates.

    Attributes:
        name: What is estimated.
        interval: Its value and 95 % interval; unbounded if there is none.
        shape: Its mark.
        colour: ``blue``, ``grey`` or ``orange``.
    """

    name: str
    interval: ScoreInterval
    shape: str
    colour: str


def estimates_chart(rows: Sequence[Estimate], metric: str, width: int) -> Markup:
    """Return the estimates of one score below each other, with their intervals."""
    narrow = width < 500
    left = 14.0 if narrow else 300.0
    row = ROW + 14 if narrow else ROW
    frame = Frame(width, row * len(rows) + 56, left=left, top=10, right=20)
    ends = [v for r in rows for v in (r.interval.value, r.interval.low, r.interval.high)]
    scale = AxisScale.around(ends)
    drawn = list(frame.across(scale, f"{metric}, 95 % intervals"))
    for position, estimate in enumerate(rows):
        y = frame.top + row * (position + 0.5) + (7 if narrow else 0)
        interval = estimate.interval
        if narrow:
            drawn.append(text(4, y - 12, estimate.name, "tick"))
        else:
            drawn.append(text(left - 14, y + 4, cut(estimate.name, 44), "tick", "end"))
        if interval.bounded:
            low, high = frame.x(scale.at(interval.low)), frame.x(scale.at(interval.high))
            drawn += [line(low, y, high, y, f"interval {estimate.colour}")]
            drawn += [line(end, y - 4, end, y + 4, f"interval {estimate.colour}") for end in (low, high)]
        x = frame.x(scale.at(interval.value))
        drawn.append(mark(estimate.shape, x, y, estimate.colour, score(interval.value), 5))
    return frame.drawing(f"Estimates of {metric} with 95 % intervals", drawn)


def finalists_chart(finalists: Sequence[FreshValues], winner: int | None, metric: str, width: int) -> Markup:
    """Return the finalists' values seed by seed: a dot for each seed, a bar at the mean."""
    frame = Frame(width, ROW * len(finalists) + 56, left=86, top=10, right=20)
    scale = AxisScale.around(value for finalist in finalists for value in finalist.values)
    drawn = list(frame.across(scale, f"{metric} on fresh seeds"))
    for position, finalist in enumerate(finalists):
        y = frame.top + ROW * (position + 0.5)
        won = finalist.trial == winner
        colour = "orange" if won else "blue"
        drawn.append(text(74, y + 4, f"trial {finalist.trial}", "tick strong" if won else "tick", "end"))
        drawn.append(line(frame.x(0), y, frame.x(1), y, "grid"))
        values = [value for value in finalist.values if math.isfinite(value)]
        drawn += [
            mark("diamond" if won else "circle", frame.x(scale.at(v)), y, f"{colour} faint", score(v), 4.5)
            for v in values
        ]
        if values:
            x = frame.x(scale.at(math.fsum(values) / len(values)))
            drawn.append(line(x, y - 10, x, y + 10, f"mean {colour}"))
    return frame.drawing(f"Finalists seed by seed, {metric}", drawn)
