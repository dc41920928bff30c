"""Screening of pairs of columns: which of their differences, ratios, ... might reveal the target.

In the order of a revealing difference, neighbours mostly have the same target. That is seen on a few hundred
rows, for all pairs at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SCREENED = 256
"""Rows on which pairs are screened."""
MOST_JUDGED, MOST_TOLD = 40, 10
"""Pairs that are judged for the target, and for one class of several."""
MOST_CLASSES = 5
"""Classes up to which pairs are looked at that tell one of them from all others."""
FEWEST = 100
"""Rows below which no pair is judged: among many pairs one predicts few rows by chance."""
BLOCK = 2_000
CHANGES = 0.35
"""Greatest change of the target between neighbours, of that in random order, at which a pair is judged."""
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


@dataclass(frozen=True)
class PairTarget:
    """What a pair may reveal.

    Attributes:
        labels: The targets, or whether each is one class, [n].
        classes: Number of classes; 0 for values.
        told: The one class; empty for all targets.
    """

    labels: NDArray[Any]
    classes: int
    told: str = ""


def pair_targets(labels: NDArray[Any], classes: Sequence[str]) -> list[PairTarget]:
    """Return the targets, and of three to five classes whether each is one that is not rare.

    Args:
        labels: Labels or values, [n].
        classes: Names of the classes; none for values.
    """
    told = [
        PairTarget((labels == label).astype(np.int64), 2, name)
        for label, name in enumerate(classes if 2 < len(classes) <= MOST_CLASSES else ())
        if (labels == label).sum() >= FEWEST
    ]
    return [PairTarget(labels, len(classes)), *told]


def candidates(
    sample: Floats, targets: Sequence[PairTarget], numbers: NDArray[np.bool_]
) -> list[tuple[PairTarget, str, int, int]]:
    """Return what to judge, with forms and pairs of columns in whose order it changes least, the best first.

    Args:
        sample: Values, [n, columns].
        targets: What a pair may reveal, all targets first.
        numbers: Which columns are no categories, [columns].
    """
    few = sample[:SCREENED]
    varied = np.array([len(np.unique(column)) > 1 for column in few.T])
    cells = np.stack([_binned(column) for column in few.T], axis=1)
    changes = [
        (number, change, form, i, j)
        for form in (*FORMS, TABLE)
        for number, change, i, j in _changes(form, cells if form == TABLE else few, targets, varied, numbers)
    ]
    whole = sorted(found for found in changes if found[0] == 0)[:MOST_JUDGED]
    told = sorted((found for found in changes if found[0] > 0), key=lambda found: found[1:])[:MOST_TOLD]
    return [(targets[number], form, i, j) for number, _, form, i, j in (*whole, *told)]


def _changes(
    form: str,
    few: Floats,
    targets: Sequence[PairTarget],
    varied: NDArray[np.bool_],
    numbers: NDArray[np.bool_],
) -> Iterator[tuple[int, float, int, int]]:
    """Yield targets and pairs of columns in the order of which neighbours mostly have the same target."""
    usable = np.flatnonzero(varied if form == TABLE else varied & numbers)
    first, second = (usable[side] for side in np.triu_indices(len(usable), 1))
    for start in range(0, len(first), BLOCK):
        ones, others = first[start : start + BLOCK], second[start : start + BLOCK]
        order = np.argsort(_combined(form, few[:, ones], few[:, others]), axis=0, kind="stable")
        for number, target in enumerate(targets):
            labels = target.labels[: len(few)]
            change = _change(labels[order], labels, target.classes)
            for index in np.flatnonzero(change < CHANGES):
                yield number, float(change[index]), int(ones[index]), int(others[index])


def _change(ordered: NDArray[Any], labels: NDArray[Any], classes: int) -> Floats:
    """Return how much targets change between neighbours, of what they do in random order."""
    if classes:
        random = 1 - float(((np.bincount(labels) / len(labels)) ** 2).sum())
        return np.asarray((ordered[1:] != ordered[:-1]).mean(axis=0) / max(random, 1e-9))
    values = ordered.astype(np.float64)
    spread = 2 * float(np.var(labels.astype(np.float64)))
    return np.asarray((np.diff(values, axis=0) ** 2).mean(axis=0) / max(spread, 1e-300))


def combined(form: str, one: Floats, other: Floats) -> Floats:
    """Return the values [n] of two columns [n] in one of the forms."""
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
