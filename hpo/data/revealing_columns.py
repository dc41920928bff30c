"""Columns of a table that give the target away: each alone, asked what it knows of rows not shown."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.trainable import Examples

FEW = 64
KNOWS = 0.98
"""Share of what there is to know from which a column is taken for the target in disguise."""


def revealing_columns(train: Examples) -> dict[str, float]:
    """Columns that predict the target nearly perfectly by themselves, on the training rows alone.

    Each half of the rows is predicted by the other: a column of few values by the majority class
    or mean at the same value, one of many by its neighbours in the order of the column.

    Returns:
        For each such column the share of the error of the best constant that it takes away,
        0.98 to 1.
    """
    if train.info.kind != "table" or len(train) < 20:
        return {}
    targets = np.asarray(train.targets[train.rows])
    half = np.random.default_rng(0).permutation(len(targets)) % 2
    found = {}
    for place, name in enumerate(train.info.columns):
        column = np.asarray(train.inputs[train.rows, place], np.float64)
        known = _known(column, targets, half, len(train.info.classes))
        if known >= KNOWS:
            found[name] = known
    return found


def _known(
    column: NDArray[np.float64], targets: NDArray[Any], half: NDArray[np.int64], classes: int
) -> float:
    """Share of the best constant's error that the column takes away."""
    values, cells = np.unique(np.nan_to_num(column, nan=np.inf), return_inverse=True)
    error = constant = 0.0
    for part in (0, 1):
        seen, asked = np.flatnonzero(half != part), np.flatnonzero(half == part)
        rule = _by_value if len(values) <= FEW else _by_neighbours
        guess = rule(cells[seen], targets[seen], cells[asked], classes)
        if classes:
            error += float((guess != targets[asked]).sum())
            constant += float((np.bincount(targets[seen]).argmax() != targets[asked]).sum())
        else:
            error += float(((guess - targets[asked]) ** 2).sum())
            constant += float(((targets[seen].mean() - targets[asked]) ** 2).sum())
    return 1 - error / constant if constant else 0.0


def _by_value(
    seen: NDArray[np.int64], targets: NDArray[Any], asked: NDArray[np.int64], classes: int
) -> NDArray[Any]:
    size = int(max(seen.max(), asked.max())) + 1
    if classes:
        votes = np.zeros((size, classes))
        np.add.at(votes, (seen, targets), 1)
        return np.asarray(votes.argmax(axis=1)[asked])
    sums, counts = np.zeros(size), np.zeros(size)
    np.add.at(sums, seen, targets)
    np.add.at(counts, seen, 1)
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), targets.mean())[asked])


def _by_neighbours(
    seen: NDArray[np.int64], targets: NDArray[Any], asked: NDArray[np.int64], classes: int
) -> NDArray[Any]:
    order = np.argsort(seen, kind="stable")
    if not classes:
        return np.asarray(np.interp(asked, seen[order], targets[order]))
    after = np.clip(np.searchsorted(seen[order], asked), 1, len(seen) - 1)
    before = after - 1
    nearer = np.abs(seen[order][before] - asked) <= np.abs(seen[order][after] - asked)
    return np.asarray(targets[order][np.where(nearer, before, after)])
