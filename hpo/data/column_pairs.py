"""Two columns of a table that reveal the target only together: by a difference, a ratio, an exclusive or.

The few pairs that screening leaves are judged as a single column is, on rows that they were not fitted to.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.pair_screening import FEWEST, Floats, PairTarget, candidates, combined, pair_targets
from hpo.data.removed_error import error_removed

MOST_COLUMNS = 100
"""Columns whose pairs are looked at; a random sample of more."""
JUDGED = 4000
"""Rows on which pairs are judged."""
REVEALING = 0.98
"""Share of the error removed from which two columns count as the target in another form."""
SURPRISING, ALONE = 0.9, 0.5
"""A pair that removes nine tenths is worth a look if either column alone removes less than half."""


def revealing_pairs(
    table: NDArray[np.float32],
    targets: NDArray[Any],
    alone: Mapping[str, float],
    categories: Collection[str],
    classes: Sequence[str],
) -> tuple[dict[str, float], list[str]]:
    """Return pairs of columns that reveal the target although neither column does.

    Args:
        table: Values, [n, columns]; NaN where one is missing.
        targets: Labels or values, [n].
        alone: The share of the error that each column removes by itself, in the order of the columns.
        categories: Names of the columns whose values are codes.
        classes: Names of the classes; none for values.

    Returns:
        The pairs that remove `REVEALING`, in words, with the share; and notes on those that remove
        `SURPRISING` although the columns alone remove little, or that tell one class of several.
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
    for target, form, i, j in candidates(sample, pair_targets(labels, classes), numbers):
        pair = names[columns[i]], names[columns[j]]
        if pair in seen:
            continue
        words, both = form.format(*pair), (sample[:, i], sample[:, j])
        removed = error_removed(combined(form, *both), target.labels, half, target.classes)
        if removed >= REVEALING and not target.told:
            whole[words] = removed
        elif note := _note(target, removed, both, half, max(alone[name] for name in pair)):
            notes.append(f"{words} {note}: worth a look")
        else:
            continue
        seen.add(pair)
    return whole, notes


def _note(
    target: PairTarget, removed: float, both: tuple[Floats, Floats], half: NDArray[np.int64], most: float
) -> str:
    """Return what is worth a look of a pair, either of which alone removes ``most`` at most; or nothing."""
    if not target.told:
        surprising = removed >= SURPRISING and most < ALONE
        return f"removes {removed:.1%} of the error, each alone {most:.1%} at most" if surprising else ""
    if removed < REVEALING:
        return ""
    single = max(error_removed(column, target.labels, half, target.classes) for column in both)
    return (
        f"predicts whether the class is {target.told!r}, which neither does alone" if single < ALONE else ""
    )
