"""Columns of a table that reveal the target: each is tested alone, on rows that it was not fitted to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.trainable import Examples

FEW = 64
REVEALING = 0.98
"""Share of the error removed from which a column counts as the target in another form."""


def revealing_columns(train: Examples) -> dict[str, float]:
    """Return columns that by themselves predict the target nearly perfectly, on the training rows alone.

    Each half of the rows is predicted from the other: a column with few values by the majority class
    or mean at the same value, one with many by its neighbours in the order of the column.

    Returns:
        For each such column, the share of the best constant's error that it removes, 0.98 to 1.
    """
    if train.info.kind != "table" or len(train) < 20:
        return {}
    targets = np.asarray(train.targets[train.rows])
    half = np.random.default_rng(0).permutation(len(targets)) % 2
    revealing = {}
    for index, name in enumerate(train.info.columns):
        column = np.asarray(train.inputs[train.rows, index], np.float64)
        removed = _error_removed(column, targets, half, len(train.info.classes))
        if removed >= REVEALING:
            revealing[name] = removed
    return revealing


def _error_removed(
    column: NDArray[np.float64], targets: NDArray[Any], half: NDArray[np.int64], classes: int
) -> float:
    """Return the share of the best constant's error that the column removes."""
    values, cells = np.unique(np.nan_to_num(column, nan=np.inf), return_inverse=True)
    error = constant = 0.0
    for part in (0, 1):
        seen, unseen = np.flatnonzero(half != part), np.flatnonzero(half == part)
        rule = _by_value if len(values) <= FEW else _by_neighbours
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
        votes = np.zeros((size, classes))
        np.add.at(votes, (seen, targets), 1)
        return np.asarray(votes.argmax(axis=1)[unseen])
    sums, counts = np.zeros(size), np.zeros(size)
    np.add.at(sums, seen, targets)
    np.add.at(counts, seen, 1)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), targets.mean())[unseen])


def _by_neighbours(
    seen: NDArray[np.int64], targets: NDArray[Any], unseen: NDArray[np.int64], classes: int
) -> NDArray[Any]:
    order = np.argsort(seen, kind="stable")
    if not classes:
        return np.asarray(np.interp(unseen, seen[order], targets[order]))
    after = np.clip(np.searchsorted(seen[order], unseen), 1, len(seen) - 1)
    before = after - 1
    nearer = np.abs(seen[order][before] - unseen) <= np.abs(seen[order][after] - unseen)
    return np.asarray(targets[order][np.where(nearer, before, after)])
