"""A curve as a few lines of text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from hpo.core.formatting import score

WIDTH, HEIGHT = 60, 8


def curve_lines(
    points: Sequence[tuple[int, float]], last: int, *, width: int = WIDTH, height: int = HEIGHT
) -> Iterator[str]:
    """Yield a plot of values over epochs, with the range of both on the axes.

    Args:
        points: (epoch, value); values that are not finite are left out.
        last: Epoch at the right end.
        width: Columns of the plot, without the labels.
        height: Rows of the plot.
    """
    finite = [(epoch, value) for epoch, value in points if math.isfinite(value)]
    if not finite:
        return
    values = [value for _, value in finite]
    low, high = min(values), max(values)
    columns = min(width, max(last, 2))
    rows = [[" "] * columns for _ in range(height)]
    for epoch, value in finite:
        column = round((epoch - 1) / max(1, last - 1) * (columns - 1))
        row = round((high - value) / (high - low) * (height - 1)) if high > low else height - 1
        rows[row][min(column, columns - 1)] = "•"
    labels = [score(high) if high > low else "", *[""] * (height - 2), score(low)]
    margin = max(map(len, labels))
    for label, cells in zip(labels, rows, strict=True):
        yield f"{label:>{margin}} |{''.join(cells)}".rstrip()
    end = str(last)
    yield f"{'':>{margin}} +{'-' * columns}"
    yield f"{'':>{margin}}  1{end:>{max(len(end) + 1, columns - 1)}}"
