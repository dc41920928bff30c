"""Columns of a table that reveal the target: each is tested alone, on rows that it was not fitted to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.trainable import Examples
from hpo.data.table_copies import column_names

Rule = Callable[[NDArray[np.int64], NDArray[Any], NDArray[np.int64], int], NDArray[Any]]

FEW = 64
REVEALING = 0.98
"""Share of the error removed from which a column counts as the target in another form."""
TELLING = 0.9
"""Share of the error removed from which a column is worth a look."""
COPIED = 0.75
"""Share from which a column with as many values as classes is; such columns are rarely so good."""
OFTEN = 0.05
"""Share of the rows from which missing values, or the most frequent one, are set apart."""
FEWEST = 40
"""Fewest rows, in each part of which a column is judged."""


@dataclass(frozen=True, slots=True)
class RevealingColumns:
    """Columns that reveal the target, each with a share.

    Attributes:
        whole: Of columns that predict it nearly perfectly: the share of the error removed, 0.98 to 1.
        partial: Of columns that do so only where they are neither missing nor at their most frequent
            value: the share of these rows.
        notes: Columns that are worth a look, each a sentence: they remove nine tenths of the error, are
            a copy of the label with some other entries, or predict one class.
        telling: The column that by itself removes the most of the error; empty if none removes any.
        removed: The share of the error that it removes.
    """

    whole: Mapping[str, float] = field(default_factory=dict)
    partial: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    telling: str = ""
    removed: float = 0.0


def revealing_columns(train: Examples) -> RevealingColumns:
    """Return columns that by themselves predict the target, on the training rows alone.

    Each half of the rows is predicted from the other: a column with few values by the majority class
    or mean at the same value, one with many by its neighbours in the order of the column or by the
    majority or mean of its bin.
    """
    if train.info.kind != "table" or train.info.task == "other" or len(train) < 20:
        return RevealingColumns()
    targets = np.asarray(train.targets[train.rows])
    half = np.random.default_rng(0).permutation(len(targets)) % 2
    whole, partial, notes, telling, most = {}, {}, [], "", 0.0
    for index, name in enumerate(column_names(train.info)):
        column = np.asarray(train.inputs[train.rows, index], np.float64)
        removed = error_removed(column, targets, half, len(train.info.classes))
        telling, most = (name, removed) if removed > most else (telling, most)
        if removed >= REVEALING:
            whole[name] = removed
        elif (share := _revealing_share(column, targets, half, len(train.info.classes))) > 0:
            partial[name] = share
        elif note := _note(column, targets, half, train.info.classes, removed):
            notes.append(f"column {name} {note}: worth a look")
    return RevealingColumns(whole, partial, tuple(notes), telling, most)


def _revealing_share(
    column: NDArray[np.float64], targets: NDArray[Any], half: NDArray[np.int64], classes: int
) -> float:
    """Return the share of the rows with another value than the usual, if it reveals their targets; else 0."""
    present = np.isfinite(column)
    values, counts = np.unique(column[present], return_counts=True)
    if present.mean() > 1 - OFTEN and len(counts) and counts.max() > OFTEN * len(column):
        present &= column != values[counts.argmax()]
    if present.sum() < FEWEST or present.mean() > 1 - OFTEN:
        return 0.0
    rows = np.flatnonzero(present)
    if classes and len(rows) - np.bincount(targets[rows]).max() < FEWEST / 4:
        return 0.0
    removed = error_removed(column[rows], targets[rows], half[rows], classes)
    return len(rows) / len(column) if removed >= REVEALING else 0.0


def _note(
    column: NDArray[np.float64],
    targets: NDArray[Any],
    half: NDArray[np.int64],
    classes: Sequence[str],
    removed: float,
) -> str:
    if removed >= TELLING:
        return f"alone removes {removed:.1%} of the error"
    values = np.unique(column[np.isfinite(column)])
    if not classes or len(values) > FEW:
        return ""
    if len(values) == len(classes) and removed >= COPIED:
        return f"has a value for each class and removes {removed:.1%} of the error"
    if len(classes) < 3 or len(values) > len(classes):
        return ""
    for label, name in enumerate(classes):
        indicator = (targets == label).astype(np.int64)
        if indicator.sum() >= FEWEST and error_removed(column, indicator, half, 2) >= REVEALING:
            return f"alone predicts whether the class is {name!r}"
    return ""


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
