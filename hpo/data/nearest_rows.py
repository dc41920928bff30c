"""The nearest rows of a table, without an index: importing a library for one costs more than small tables."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CELLS = 1 << 22
"""Distances that are held at once."""
SOME = 64
"""Distances per neighbour that bound those of the nearest."""


def nearest_rows(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the Euclidean distances to the nearest of our rows, ascending, and which rows they are.

    Args:
        ours: Finite numbers, [n, columns].
        theirs: Likewise, [k, columns].
        count: How many of our rows to find for each of theirs, at most n.

    Returns:
        Distances, [k, count], and positions of our rows, [k, count].
    """
    squares = (ours**2).sum(axis=1)
    step = max(1, len(ours) // (SOME * count))
    found = [np.zeros((0, count), np.int64)]
    size = max(1, CELLS // len(ours))
    for start in range(0, len(theirs), size):
        near = squares - 2 * theirs[start : start + size] @ ours.T  # but for the square of their own row
        some = near[:, ::step]
        bound = np.partition(some, count - 1, axis=1)[:, count - 1]
        row, column = np.nonzero(near <= bound[:, None])
        order = np.lexsort((near[row, column], row))
        first = np.searchsorted(row[order], np.arange(len(near)))
        found.append(column[order][first[:, None] + np.arange(count)])
    rows = np.concatenate(found)
    distances = np.stack([np.linalg.norm(ours[each] - theirs, axis=1) for each in rows.T], axis=1)
    order = np.argsort(distances, axis=1, kind="stable")
    return np.take_along_axis(distances, order, 1), np.take_along_axis(rows, order, 1)
