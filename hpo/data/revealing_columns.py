"""Columns of a table that reveal the target: each is tested alone, on rows that it was not fitted to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.trainable import Examples
from hpo.data.column_pairs import revealing_pairs
from hpo.data.removed_error import FEW, error_removed
from hpo.data.table_copies import column_names

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
        pairs: Of two columns that predict it nearly perfectly only together: the share of the error removed.
    """

    whole: Mapping[str, float] = field(default_factory=dict)
    partial: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    telling: str = ""
    removed: float = 0.0
    pairs: Mapping[str, float] = field(default_factory=dict)


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
    whole, partial, alone, notes = {}, {}, {}, []
    for index, name in enumerate(column_names(train.info)):
        column = np.asarray(train.inputs[train.rows, index], np.float64)
        removed = alone[name] = error_removed(column, targets, half, len(train.info.classes))
        if removed >= REVEALING:
            whole[name] = removed
        elif (share := _revealing_share(column, targets, half, len(train.info.classes))) > 0:
            partial[name] = share
        elif note := _note(column, targets, half, train.info.classes, removed):
            notes.append(f"column {name} {note}: worth a look")
    telling, most = max(alone.items(), key=lambda item: item[1], default=("", 0.0))
    pairs, more = revealing_pairs(
        train.inputs[train.rows], targets, alone, train.info.categories, train.info.classes
    )
    return RevealingColumns(
        whole, partial, (*notes, *more), telling if most > 0 else "", max(0.0, most), pairs
    )


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
    missing = np.isnan(column)
    if missing.any() and (name := _told_class(missing.astype(np.float64), targets, half, classes)):
        return f"is missing where the class is {name!r} and hardly anywhere else"
    values = np.unique(column[np.isfinite(column)])
    if not classes or len(values) > FEW:
        return ""
    if len(values) == len(classes) and removed >= COPIED:
        return f"has a value for each class and removes {removed:.1%} of the error"
    name = "" if len(values) > len(classes) else _told_class(column, targets, half, classes)
    return f"alone predicts whether the class is {name!r}" if name else ""


def _told_class(
    column: NDArray[np.float64], targets: NDArray[Any], half: NDArray[np.int64], classes: Sequence[str]
) -> str:
    """Return the one of several classes that a column tells from all others; empty if it tells none."""
    for label, name in enumerate(classes if len(classes) > 2 else ()):
        indicator = (targets == label).astype(np.int64)
        if indicator.sum() >= FEWEST and error_removed(column, indicator, half, 2) >= REVEALING:
            return name
    return ""
