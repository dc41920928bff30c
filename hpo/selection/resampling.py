"""The bootstrap over rows, for metrics of which only the computation is known.

Whole blocks are resampled where rows belong together, and rows of each class by themselves where
they do not, as stratified parts are drawn.

Efron, "Better bootstrap confidence intervals", JASA 1987 (BCa).
Hesterberg, "What teachers should know about the bootstrap", The American Statistician 2015 (the
percentiles are taken further out by as much as t is wider than the normal distribution).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hpo.core.trainable import Array
from hpo.metrics.forms import Score
from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.intervals import LEVEL, Interval

RESAMPLES = 2000
JACKKNIFE = 200
"""Groups of the delete-a-group jackknife; with no more rows than that, one row per group."""
LEAST_VALUES = 5
"""Different values among the resamples below which they do not describe a distribution."""

Values = NDArray[np.float64]
Rows = NDArray[np.intp]


def bootstrap(
    score: Score,
    outputs: Array,
    targets: Array,
    seed: int,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
    blocks: RowBlocks | None = None,
) -> dict[str, Interval]:
    """Return BCa intervals over rows, for every metric of a score at once.

    Resamples on which a metric is undefined are left out of that metric; where that is one in ten
    or more, or where the resamples hardly differ, the ends are NaN and the method says why.

    Args:
        score: Values of all metrics for outputs and targets.
        outputs: Array [n, ...] of a model's outputs.
        targets: Array [n].
        seed: Of the resampling.
        level: Probability of coverage.
        resamples: Number of resamples; each costs one call of ``score``.
        blocks: Which rows belong together; none if None.
    """
    outputs, targets = np.asarray(outputs), np.asarray(targets)
    blocks = blocks or RowBlocks.independent(len(targets))
    rng = np.random.default_rng(seed)
    value = dict(score(outputs, targets))
    draws = _draws(rng, targets, blocks, resamples)
    drawn = _scores(score, outputs, targets, draws, value)
    left = _scores(score, outputs, targets, _left_out(rng, blocks), value)
    return {name: _bca(value[name], drawn[name], left[name], level, blocks) for name in value}


def _draws(rng: np.random.Generator, targets: Array, blocks: RowBlocks, resamples: int) -> Iterator[Rows]:
    n = len(targets)
    if blocks.kind != "rows":
        yield from (blocks.drawn(rng) for _ in range(resamples))
        return
    strata = [np.arange(n)]
    if targets.dtype.kind in "iub":
        labels, counts = np.unique(targets, return_counts=True)
        if len(labels) <= n / 4 and counts.min() > 1:
            strata = [np.flatnonzero(targets == label) for label in labels]
    for _ in range(resamples):
        yield np.concatenate([rows[rng.integers(0, len(rows), len(rows))] for rows in strata])


def _left_out(rng: np.random.Generator, blocks: RowBlocks) -> Iterator[Rows]:
    """Yield the rows without each group of the jackknife."""
    if blocks.count < 2:
        return
    group = rng.permutation(np.arange(blocks.count) % min(blocks.count, JACKKNIFE))[blocks.codes]
    for number in range(int(group.max()) + 1):
        yield np.flatnonzero(group != number)


def _scores(
    score: Score, outputs: Any, targets: Any, choices: Iterable[Rows], names: Iterable[str]
) -> dict[str, Values]:
    """Return every metric on every choice of rows; NaN where the score is undefined there."""
    rows: list[Mapping[str, float]] = []
    with np.errstate(all="ignore"):
        for chosen in choices:
            try:
                rows.append(score(outputs[chosen], targets[chosen]))
            except (ValueError, ZeroDivisionError):
                rows.append({})
    return {name: np.array([row.get(name, math.nan) for row in rows], np.float64) for name in names}


def _bca(value: float, drawn: Values, left: Values, level: float, blocks: RowBlocks) -> Interval:
    """Return bias-corrected and accelerated ends from resampled and left-out values."""
    finite = drawn[np.isfinite(drawn)]
    if not math.isfinite(value) or len(finite) <= 0.9 * len(drawn):
        return Interval(value, math.nan, math.nan, level, "no interval: undefined on these rows")
    if len(np.unique(finite.round(12))) < LEAST_VALUES:
        return Interval(value, math.nan, math.nan, level, "no interval: too few rows differ")
    # Half of the equal ones count as below, else a metric with few values looks biased.
    below = np.mean(finite < value) + np.mean(finite == value) / 2
    edge = 1 / (2 * len(finite))
    shift = float(special.ndtri(min(max(below, edge), 1 - edge)))
    pull = left[np.isfinite(left)]
    pull = pull.mean() - pull if len(pull) else np.zeros(1)
    power = float((pull**2).sum()) ** 1.5
    acceleration = float((pull**3).sum()) / (6 * power) if power > 0 else 0.0
    wide = float(special.stdtrit(max(blocks.dof, 1.0), 0.5 + level / 2))
    if blocks.count > 1:
        wide *= math.sqrt(blocks.count / (blocks.count - 1))
    z = shift + np.array([-wide, wide])
    low, high = np.quantile(finite, special.ndtr(shift + z / (1 - acceleration * z)))
    method = f"BCa bootstrap{blocks.words}"
    return Interval(value, min(float(low), value), max(float(high), value), level, method)
