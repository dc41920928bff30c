"""Lines through a few points: curves of a training, errors by size, searches side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from hpo.reports.page.frame import Frame, legend
from hpo.reports.page.svg import mark, path
from hpo.reports.scales import AxisScale

Line = tuple[str, str, Sequence[tuple[float, float]]]
"""Name, colour and points of a line."""

SHAPES = {"blue": "circle", "grey": "ring", "orange": "diamond"}
"""The shape says what the colour says."""


def lines_chart(lines: Sequence[Line], across: str, up: str, width: int, log: bool = False) -> Markup:
    """Return lines through points, with a mark at each point.

    Args:
        lines: The lines.
        across: Title of the horizontal axis.
        up: Title of the vertical axis.
        width: Of the drawing, in pixels.
        log: Whether both axes are logarithmic.
    """
    frame = Frame(width, 300 if len(lines) > 1 else 280, top=44)
    shown = [
        (name, colour, [(x, y) for x, y in points if math.isfinite(y) and (y > 0 or not log)])
        for name, colour, points in lines
    ]
    horizontal = AxisScale.around((x for _, _, points in shown for x, _ in points), log=log)
    vertical = AxisScale.around((y for _, _, points in shown for _, y in points), log=log)
    drawn: list[Markup] = [*frame.across(horizontal, across, whole=True), *frame.up(vertical, up)]
    for _, colour, points in shown:
        placed = [(frame.x(horizontal.at(x)), frame.y(vertical.at(y))) for x, y in points]
        if placed:
            drawn.append(path(placed, f"interval {colour}", fill="none"))
        drawn += [mark(SHAPES[colour], x, y, colour, size=3) for x, y in placed]
    marks: Iterable[tuple[Markup, str]] = (
        (mark(SHAPES[c], 0, 0, c), n) for n, c, _ in shown if len(shown) > 1
    )
    return frame.drawing(f"{up} by {across}", drawn, legend(frame, marks))
