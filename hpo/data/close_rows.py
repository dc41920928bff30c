"""Rows of a table that lie within a short distance of other rows, found without comparing every pair.

Space is cut into cells as wide as the distance along a few columns (Bentley and Friedman 1979, "Data
structures for range searching"): a row within the distance lies in the same cell or in a neighbouring one.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from hpo.data.nearest_rows import nearest_rows

Floats = NDArray[np.float64]
Ranges = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]

NARROWEST = 1e-3
"""Least width of a cell: more cells than rows exclude no more pairs."""
MOST_COLUMNS = 5
"""Columns that are cut; each multiplies the cells to look into by three."""
FEW = 200
"""Pairs for each row at which no further column is cut."""
SHARE = 0.02
"""Share of all pairs beyond which products of matrices compare all in less time."""
LEAST = 20_000_000
"""Pairs up to which all are compared."""
BLOCK = 1 << 18
"""Pairs that are compared at once."""


def close_rows(ours: Floats, theirs: Floats, limit: float) -> NDArray[np.bool_]:
    """Return whether each of their rows is closer than a limit to any of ours.

    Args:
        ours: Numbers from -1 to 1, [n, columns].
        theirs: Likewise, [k, columns].
        limit: Euclidean distance.

    Returns:
        One value for each of their rows, [k].
    """
    close = np.zeros(len(theirs), np.bool_)
    if limit <= 0 or not len(ours) or not len(theirs):
        return close
    every = len(ours) * len(theirs)
    if every > LEAST:
        order, first, counts = _ranges(ours, theirs, max(limit, NARROWEST))
    if every <= LEAST or counts.sum() > SHARE * every:
        return np.asarray(nearest_rows(ours, theirs, 1)[0][:, 0] < limit)
    their_row = np.repeat(np.arange(len(counts)) % len(theirs), counts)
    position = np.arange(len(their_row)) + np.repeat(first - (np.cumsum(counts) - counts), counts)
    for start in range(0, len(their_row), BLOCK):
        row = their_row[start : start + BLOCK]
        squares = (ours[order[position[start : start + BLOCK]]] - theirs[row]) ** 2
        close[row[squares.sum(axis=1) < limit**2]] = True
    return close


def _ranges(ours: Floats, theirs: Floats, width: float) -> Ranges:
    """Return our rows in the order of their cells, and the ranges of it that each of their rows is near.

    Returns:
        Positions of our rows, [n]; and for neighbouring cells times their rows, [ranges * k], where each
        range begins and how many rows it has.
    """
    base = int(2 / width) + 4  # so that a neighbour of the last cell is not the first one of the next
    others = _cells(theirs, width)
    shares = np.array([((np.bincount(column) / len(others)) ** 2).sum() for column in others.T])
    chosen = np.argsort(shares, kind="stable")[:MOST_COLUMNS]
    expected = len(ours) * np.cumprod(np.minimum(1, 3 * shares[chosen]))
    cells, others = _cells(ours[:, chosen], width), others[:, chosen]
    fewest = min(len(chosen), 1 + int((expected > FEW).sum()))
    for count in range(fewest, len(chosen) + 1):
        scale = base ** np.arange(count)
        keys = cells[:, :count] @ scale
        order = np.argsort(keys)
        steps = np.array(
            [np.dot(step, scale[1:]) for step in product((-1, 0, 1), repeat=count - 1)], np.int64
        )
        wanted = (steps[:, None] + others[:, :count] @ scale).ravel()
        ordered = keys[order]
        first = np.searchsorted(ordered, wanted - 1)
        counts = np.searchsorted(ordered, wanted + 1, side="right") - first
        if counts.sum() <= FEW * len(theirs):
            break
    return order, first, counts


def _cells(rows: Floats, width: float) -> NDArray[np.int64]:
    return ((rows + 1) / width).astype(np.int64) + 1
