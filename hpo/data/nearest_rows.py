"""The nearest rows of a table, without an index: importing a library for one costs more than small tables."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CELLS = 1 << 19
"""Distances that are held at once, few enough for a processor's cache."""
WORK = 1 << 19
"""Multiplications at once, few enough for a BLAS library to use one thread; more wait for each other."""
SOME = 128
"""Distances per neighbour that bound those of the nearest."""
SLACK = 1e-4
"""What squares of distances in single precision can be wrong by."""


def nearest_rows(
    ours: NDArray[np.float64], theirs: NDArray[np.float64], count: int
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the Euclidean distances to the nearest of our rows, ascending, and which rows they are.

    Args:
        ours: Numbers from -1 to 1, [n, columns].
        theirs: Likewise, [k, columns].
        count: How many of our rows to find for each of theirs, at most n.

    Returns:
        Distances, [k, count], and positions of our rows, [k, count].
    """
    left = np.concatenate([ours, (ours**2).sum(axis=1, keepdims=True)], axis=1, dtype=np.float32)
    right = np.concatenate([-2 * theirs, np.ones((len(theirs), 1))], axis=1, dtype=np.float32)
    kept = min(2 * count, len(ours))  # more than are asked for, as they are chosen in single precision
    step = max(1, len(ours) // (SOME * kept))
    found = [np.zeros((0, kept), np.int64)]
    size = max(1, CELLS // len(ours))
    for start in range(0, len(theirs), size):
        near = _products(right[start : start + size], left)  # squares but for those of their own rows
        bound = np.partition(near[:, ::step], kept - 1, axis=1)[:, kept - 1]
        cells = np.flatnonzero(near <= bound[:, None] + SLACK)
        row, column = np.divmod(cells, len(ours))
        order = np.lexsort((near.ravel()[cells], row))
        first = np.searchsorted(row[order], np.arange(len(near)))
        found.append(column[order][first[:, None] + np.arange(kept)])
    rows = np.concatenate(found)
    distances = np.stack([np.linalg.norm(ours[each] - theirs, axis=1) for each in rows.T], axis=1)
    order = np.argsort(distances, axis=1, kind="stable")[:, :count]
    return np.take_along_axis(distances, order, 1), np.take_along_axis(rows, order, 1)


def _products(few: NDArray[np.float32], many: NDArray[np.float32]) -> NDArray[np.float32]:
    products = np.empty((len(few), len(many)), np.float32)
    width = max(1, WORK // (len(few) * few.shape[1]))
    for start in range(0, len(many), width):
        np.matmul(few, many[start : start + width].T, out=products[:, start : start + width])
    return products
