"""Columns of a table that were computed from the targets: the mean target of each category (target encoding).

A row's own target is in such a mean, so that a category of few rows gives it away in training and says
nothing afterwards (Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes",
SIGKDD Explorations 2001, leaves rows out for that reason). No column that was known beforehand equals
the mean of the targets of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEWEST_VALUES = 8
"""Values that equal the mean of differing targets from which that is no coincidence."""
FEWEST_ROWS = 20
SHARE = 0.05
"""Share of the rows that such values must have."""
EXACT = 1e-5
"""Greatest difference from the mean, of the deviation of the targets: values are stored as float32."""
CLASSES = 20
"""Classes beyond which only the numbers of the classes are compared, and not each class."""
SAME_SIZE, ALIGNED = 30, 0.9999
"""Values of equally many rows, and their correlation with the means, from which a smoothed mean is told."""


@dataclass(frozen=True, slots=True)
class _Cells:
    """The values of a column, with the number of their rows and the mean and variance of their targets."""

    values: Floats
    rows: Floats
    means: Floats
    variances: Floats


def target_encoded(
    table: NDArray[np.float32], targets: NDArray[Any], names: Mapping[int, str], classes: int
) -> tuple[str, ...]:
    """Return the columns that equal the mean target of the rows with the same value.

    Args:
        table: Values, [n, columns], of all rows that are known: a mean is recognised by its rows.
        targets: Labels or values, [n].
        names: Names of the columns to look at, by their positions.
        classes: Number of classes; 0 for values.
    """
    found = []
    for index, name in names.items():
        column = np.asarray(table[:, index], np.float64)
        present = np.isfinite(column)
        if present.sum() < 2 * FEWEST_ROWS:
            continue
        goals = _goals(np.asarray(targets[present]), classes)
        if any(_is_mean(column[present], goal, exact_only=not classes) for goal in goals):
            found.append(name)
    return tuple(found)


def _goals(targets: NDArray[Any], classes: int) -> Iterator[Floats]:
    """Yield the numbers of which a column may hold means: the targets, or each class against the others."""
    yield targets.astype(np.float64)
    if 2 < classes <= CLASSES:
        yield from ((targets == label).astype(np.float64) for label in range(classes))


def _is_mean(column: Floats, goal: Floats, *, exact_only: bool) -> bool:
    spread = float(goal.std())
    inside = column.min() >= goal.min() - 1e-6 and column.max() <= goal.max() + 1e-6
    if not inside or not spread or float(column.std()) < 1e-9 * spread:
        return False
    values, cells, rows = np.unique(column, return_inverse=True, return_counts=True)
    means = np.bincount(cells, goal) / rows
    variances = np.maximum(0, np.bincount(cells, goal**2) / rows - means**2)
    of = _Cells(values, rows.astype(np.float64), means, variances)
    return _equals(of, spread) or _is_smoothed(of) or (not exact_only and _is_calibrated(of, goal))


def _equals(of: _Cells, spread: float) -> bool:
    """Whether values equal the means of their rows, whose targets differ."""
    same = np.abs(of.means - of.values) <= EXACT * spread + 1e-6 * np.abs(of.values)
    telling = same & (of.variances > 1e-9 * spread**2) & (of.values != np.rint(of.values))
    return bool(telling.sum() >= FEWEST_VALUES and of.rows[telling].sum() >= SHARE * of.rows.sum())


def _is_smoothed(of: _Cells) -> bool:
    """Whether values lie on a line with the means of equally many rows: a mean drawn to the average."""
    for size in range(2, 6):
        these = of.rows == size
        if these.sum() < SAME_SIZE or of.variances[these].max() == 0 or np.ptp(of.means[these]) == 0:
            continue
        if np.corrcoef(of.values[these], of.means[these])[0, 1] > ALIGNED:
            return True
    return False


def _is_calibrated(of: _Cells, goal: Floats) -> bool:
    """Whether the extreme values have no other target, and those between are right on average.

    So it is with classes where some rows of a category lie in another part.
    """
    low, high = goal.min(), goal.max()
    ends = (of.values == low) | (of.values == high)
    pure = bool((of.variances[ends] == 0).all() and np.allclose(of.means[ends], of.values[ends]))
    enough = all(of.rows[of.values == end].sum() >= FEWEST_ROWS for end in (low, high))
    between = ~ends & (of.rows >= FEWEST_ROWS / 2) & (of.values != np.rint(of.values))
    if not (pure and enough) or between.sum() < 2:
        return False
    error = np.maximum(of.variances[between], 1e-3) / of.rows[between]
    return float(np.median((of.means[between] - of.values[between]) ** 2 / error)) < 1
