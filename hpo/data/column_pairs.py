"""Two columns of a table that reveal the target only together: by a difference, a ratio, an exclusive or.

Pairs are screened on a few hundred rows at once: in the order of a revealing difference, neighbours have
the same target. The few that are left are judged as a single column is, on rows that they were not fitted to.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.removed_error import error_removed

Floats = NDArray[np.float64]

MOST_COLUMNS = 100
"""Columns whose pairs are looked at; a random sample of more."""
SCREENED, JUDGED = 256, 4000
"""Rows on which pairs are screened, and on which the remaining ones are judged."""
MOST_JUDGED = 40
BLOCK = 2_000
FEWEST = 100
"""Rows below which no pair is judged: among many pairs one predicts few rows by chance."""
CHANGES = 0.35
"""Greatest change of the target between neighbours, of that in random order, at which a pair is judged."""
REVEALING = 0.98
"""Share of the error removed from which two columns count as the target in another form."""
SURPRISING, ALONE = 0.9, 0.5
"""A pair that removes nine tenths is worth a look if either column alone removes less than half."""
CELLS = 8
"""Values or equally frequent bins of each column in a table of two columns."""

ROUNDING = 1e-5
"""Step to which results are rounded, of the usual size of the two numbers: they are stored as float32."""

SUMS: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "the difference of columns {0} and {1}": np.subtract,
    "the sum of columns {0} and {1}": np.add,
}
PRODUCTS: Mapping[str, Callable[[Floats, Floats], Floats]] = {
    "the product of columns {0} and {1}": np.multiply,
    "the ratio of columns {0} and {1}": np.divide,
}
FORMS = {**SUMS, **PRODUCTS}
TABLE = "the combination of the values of columns {0} and {1}"


def revealing_pairs(
    table: NDArray[np.float32],
    targets: NDArray[Any],
    alone: Mapping[str, float],
    categories: Collection[str],
    *,
    classes: int,
) -> tuple[dict[str, float], list[str]]:
    """Return pairs of columns that reveal the target although neither column does.

    Args:
        table: Values, [n, columns]; NaN where one is missing.
        targets: Labels or values, [n].
        alone: The share of the error that each column removes by itself, in the order of the columns.
        categories: Names of the columns whose values are codes.
        classes: Number of classes; 0 for values.

    Returns:
        The pairs that remove `REVEALING`, in words, with the share; and notes on those that remove
        `SURPRISING` although the columns alone remove little.
    """
    random, names = np.random.default_rng(0), tuple(alone)
    usable = [index for index, share in enumerate(alone.values()) if share < SURPRISING]
    columns = np.sort(random.permutation(usable)[:MOST_COLUMNS]).astype(np.int64)
    rows = random.permutation(len(targets))[:JUDGED]
    sample, labels = np.asarray(table[rows][:, columns], np.float64), np.asarray(targets[rows])
    if len(columns) < 2 or len(rows) < FEWEST:
        return {}, []
    numbers = np.array([names[column] not in categories for column in columns])
    half = random.permutation(len(rows)) % 2
    whole: dict[str, float] = {}
    notes: list[str] = []
    seen: set[tuple[str, str]] = set()
    for form, i, j in _candidates(sample, labels, numbers, classes=classes):
        pair = names[columns[i]], names[columns[j]]
        removed = error_removed(_values(form, sample[:, i], sample[:, j]), labels, half, classes)
        if removed < SURPRISING or pair in seen:
            continue
        most = max(alone[name] for name in pair)
        if removed >= REVEALING:
            whole[form.format(*pair)] = removed
            seen.add(pair)
        elif most < ALONE:
            notes.append(
                f"{form.format(*pair)} removes {removed:.1%} of the error, each alone {most:.1%} at most: "
                "worth a look"
            )
            seen.add(pair)
    return whole, notes


def _candidates(
    sample: Floats, targets: NDArray[Any], numbers: NDArray[np.bool_], *, classes: int
) -> list[tuple[str, int, int]]:
    """Return forms and pairs of columns in whose order the targets change least, the best first."""
    few, labels = sample[:SCREENED], targets[:SCREENED]
    varied = np.array([len(np.unique(column)) > 1 for column in few.T])
    cells = np.stack([_binned(column) for column in few.T], axis=1)
    changes = [
        (change, form, i, j)
        for form in (*FORMS, TABLE)
        for change, i, j in _changes(form, cells if form == TABLE else few, labels, varied, numbers, classes)
    ]
    return [(form, i, j) for _, form, i, j in sorted(changes)[:MOST_JUDGED]]


def _changes(
    form: str,
    few: Floats,
    labels: NDArray[Any],
    varied: NDArray[np.bool_],
    numbers: NDArray[np.bool_],
    classes: int,
) -> Iterator[tuple[float, int, int]]:
    """Yield pairs of columns in the order of which neighbours mostly have the same target."""
    usable = np.flatnonzero(varied if form == TABLE else varied & numbers)
    first, second = (usable[side] for side in np.triu_indices(len(usable), 1))
    for start in range(0, len(first), BLOCK):
        ones, others = first[start : start + BLOCK], second[start : start + BLOCK]
        values = _combined(form, few[:, ones], few[:, others])
        ordered = labels[np.argsort(values, axis=0, kind="stable")]
        change = _change(ordered, labels, classes)
        for index in np.flatnonzero(change < CHANGES):
            yield float(change[index]), int(ones[index]), int(others[index])


def _change(ordered: NDArray[Any], labels: NDArray[Any], classes: int) -> Floats:
    """Return how much targets change between neighbours, of what they do in random order."""
    if classes:
        random = 1 - float(((np.bincount(labels) / len(labels)) ** 2).sum())
        return np.asarray((ordered[1:] != ordered[:-1]).mean(axis=0) / max(random, 1e-9))
    values = ordered.astype(np.float64)
    spread = 2 * float(np.var(labels.astype(np.float64)))
    return np.asarray((np.diff(values, axis=0) ** 2).mean(axis=0) / max(spread, 1e-300))


def _values(form: str, one: Floats, other: Floats) -> Floats:
    if form == TABLE:
        one, other = _binned(one), _binned(other)
    return _combined(form, one, other)


def _combined(form: str, one: Floats, other: Floats) -> Floats:
    with np.errstate(all="ignore"):
        if form == TABLE:
            return CELLS * one + other
        values = np.asarray(FORMS[form](one, other))
        size = np.abs(values) if form in PRODUCTS else np.abs(one) + np.abs(other)
        step = ROUNDING * np.nanmedian(size, axis=0)
        return np.asarray(np.where(step > 0, np.rint(values / step), values))


def _binned(column: Floats) -> Floats:
    """Return the position of each value among few ones, or its bin among equally frequent ones."""
    values, positions = np.unique(column, return_inverse=True)
    if len(values) <= CELLS:
        return positions.astype(np.float64)
    edges = np.nanquantile(column, np.arange(1, CELLS - 1) / (CELLS - 1))
    return np.where(np.isnan(column), CELLS - 1.0, np.searchsorted(edges, column, side="right"))
