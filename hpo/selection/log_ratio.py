"""The interval of a positive ratio of sums, by a bootstrap-t on its logarithm.

A mean loss is a ratio: losses over rows. Its logarithm is far less skewed than it is, and dividing
by its own standard error in each resample takes most of the rest (Hall, "The Bootstrap and Edgeworth
Expansion", 1992, section 3.3). Of a heavy tail no sample shows the worst: where Hill's estimate
(Annals of Statistics 1975) says that few rows can carry most of the sum, or a hundredth of the rows
carries three tenths of it, the upper end is taken further out.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import special

from hpo.metrics.forms import Values
from hpo.metrics.row_blocks import RowBlocks

RESAMPLES, CHUNK = 4000, 250
MOST = 400
"""Blocks that are resampled; more are put together at random first."""
SMALL = 8
"""Blocks below which a bootstrap says less than Student's t."""
HEAVY_INDEX = 0.5
"""Hill's tail index from which the variance may be infinite."""
LARGEST, MUCH, FEWEST = 0.01, 0.3, 20
"""Share of the rows, the largest ones, that may carry this share of the sum; of fewer rows one always can."""
UPPER, HEAVY_UPPER = 0.8, 0.04
"""Share of the upper tail's error probability that is used, and that of a heavy tail."""
FARTHEST = math.log(100)
"""No end is further from the score than by this factor: beyond it, resamples of few rows say nothing."""

HEAVY = ", widened for a heavy tail: few rows carry much of the loss"


def log_ratio_ends(
    above: Values, below: Values, blocks: RowBlocks, level: float, seed: int
) -> tuple[float, float, bool]:
    """Return the ends of a ratio of sums, and whether its tail is heavy.

    Args:
        above: Of the numerator, not negative, [n].
        below: Of the denominator, positive in sum, [n].
        blocks: Which rows belong together.
        level: Probability of coverage.
        seed: Of the resampling.
    """
    a, b = blocks.sums(above), blocks.sums(below)
    heavy = tail_index(above) > HEAVY_INDEX or largest_share(above) > MUCH
    rng = np.random.default_rng(seed)
    if len(a) > MOST:
        bins = rng.permutation(np.arange(len(a)) % MOST)
        a, b = (np.bincount(bins, values, MOST).astype(np.float64) for values in (a, b))
    ratio = float(a.sum() / b.sum())
    whole = np.array([[a.sum(), b.sum(), (a * a).sum(), (a * b).sum(), (b * b).sum()]])
    error = math.sqrt(float(_square(whole, len(a))[0]))
    if blocks.halves is not None:
        error *= math.sqrt(blocks.stretching(above - ratio * below))
    tail = (1 - level) / 2
    up = tail * (HEAVY_UPPER if heavy else UPPER)
    down_t, up_t = _studentized(a, b, tail, up, rng) if len(a) >= SMALL else (math.inf, -math.inf)
    if blocks.kind != "rows" or len(a) < SMALL:
        t = float(special.stdtrit(max(blocks.dof, 1.0), 1 - np.array([tail, up])).max())
        down_t = t if not math.isfinite(down_t) else max(down_t, t)
        up_t = -t if not math.isfinite(up_t) else min(up_t, -t)
    down, up_by = min(down_t * error, FARTHEST), min(-up_t * error, FARTHEST)
    return ratio * math.exp(-down), ratio * math.exp(up_by), heavy


def _studentized(
    a: Values, b: Values, low: float, high: float, rng: np.random.Generator
) -> tuple[float, float]:
    """Return the upper ``low`` and the lower ``high`` quantile of the resampled t statistic.

    Where some resamples do not vary, as with few rows that are not 0, they have no such statistic, and what
    is left knows no smaller losses: the quantiles are then at least those of Student's t at ``low``.
    """
    moments = np.stack([a, b, a * a, a * b, b * b], 1)
    drawn = np.concatenate(
        [moments[rng.integers(0, len(a), (CHUNK, len(a)))].sum(1) for _ in range(RESAMPLES // CHUNK)]
    )
    with np.errstate(all="ignore"):
        logs = np.log(drawn[:, 0] / drawn[:, 1]) - math.log(a.sum() / b.sum())
        t = logs / np.sqrt(_square(drawn, len(a)))
    known = t[np.isfinite(t)]
    if len(known) < RESAMPLES / 2:
        return math.inf, -math.inf
    down, up = float(np.quantile(known, 1 - low)), float(np.quantile(known, high))
    if len(known) == len(t):
        return down, up
    student = float(special.stdtrit(len(a) - 1, 1 - low))
    return max(down, student), min(up, -student)


def _square(sums: Values, blocks: int) -> Values:
    """Return the squared standard error of the logarithm of a ratio from sums over blocks.

    Args:
        sums: Of numerator a, denominator b, a², ab and b², [resamples, 5].
        blocks: Number of blocks.
    """
    a, b, aa, ab, bb = sums.T
    spread = aa / a**2 - 2 * ab / (a * b) + bb / b**2
    return np.asarray(blocks / (blocks - 1) * np.maximum(spread, 0.0), np.float64)


def tail_index(values: Values) -> float:
    """Return Hill's estimate of the tail's index: the variance is infinite from 1/2 on."""
    ranked = np.sort(values[values > 0])[::-1]
    count = min(len(ranked) - 1, max(5, round(len(values) ** 0.6 / 1.5)))
    if count < 2:
        return 0.0
    return float(np.log(ranked[:count] / ranked[count]).mean())


def largest_share(values: Values) -> float:
    """Return the share of the sum in its largest hundredth of rows; 0 for fewer than 20 rows."""
    count, total = math.ceil(LARGEST * len(values)), float(values.sum())
    if len(values) < FEWEST or total <= 0:
        return 0.0
    return float(np.partition(values, len(values) - count)[-count:].sum()) / total
