"""How much of the target's error a single column of values removes, on rows that it was not fitted to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rule = Callable[[NDArray[np.int64], NDArray[Any], NDArray[np.int64], int], NDArray[Any]]

FEW = 64
"""Values up to which a column is predicted from rows with the same value."""


def error_removed(
    column: NDArray[np.float64], targets: NDArray[Any], half: NDArray[np.int64], classes: int
) -> float:
    """Return the share of the best constant's error that a column removes, on rows it was not fitted to.

    Args:
        column: Values, [n]; NaN where one is missing.
        targets: Labels or values, [n].
        half: Which half a row belongs to, 0 or 1, [n]: each is predicted from the other.
        classes: Number of classes; 0 for values.
    """
    values, cells = np.unique(np.nan_to_num(column, nan=np.inf), return_inverse=True)
    if len(values) <= FEW:
        return _removed(cells, targets, half, classes, _by_value)
    bins = cells * min(FEW, len(cells) // 8) // len(values)
    return max(
        _removed(cells, targets, half, classes, _by_neighbours),
        _removed(bins, targets, half, classes, _by_value),
    )


def _removed(
    cells: NDArray[np.int64], targets: NDArray[Any], half: NDArray[np.int64], classes: int, rule: Rule
) -> float:
    error = constant = 0.0
    for part in (0, 1):
        seen, unseen = np.flatnonzero(half != part), np.flatnonzero(half == part)
        if not len(seen) or not len(unseen):
            return 0.0
        guess = rule(cells[seen], targets[seen], cells[unseen], classes)
        if classes:
            error += float((guess != targets[unseen]).sum())
            constant += float((np.bincount(targets[seen]).argmax() != targets[unseen]).sum())
        else:
            error += float(((guess - targets[unseen]) ** 2).sum())
            constant += float(((targets[seen].mean() - targets[unseen]) ** 2).sum())
    return 1 - error / constant if constant else 0.0


def _by_value(
    seen: NDArray[np.int64], targets: NDArray[Any], unseen: NDArray[np.int64], classes: int
) -> NDArray[Any]:
    size = int(max(seen.max(), unseen.max())) + 1
    if classes:
        votes = np.bincount(seen * classes + targets, minlength=size * classes).reshape(size, classes)
        return np.asarray(votes.argmax(axis=1)[unseen])
    sums, counts = np.bincount(seen, targets, minlength=size), np.bincount(seen, minlength=size)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), targets.mean())[unseen])


def _by_neighbours(
    seen: NDArray[np.int64], targets: NDArray[Any], unseen: NDArray[np.int64], classes: int
) -> NDArray[Any]:
    order = np.argsort(seen, kind="stable")
    if not classes:
        return np.asarray(np.interp(unseen, seen[order], targets[order]))
    counts = np.bincount(seen, minlength=int(unseen.max()) + 1)
    after = np.clip((np.cumsum(counts) - counts)[unseen], 1, len(seen) - 1)  # how many are smaller
    before = after - 1
    nearer = np.abs(seen[order][before] - unseen) <= np.abs(seen[order][after] - unseen)
    return np.asarray(targets[order][np.where(nearer, before, after)])
