"""Intervals of a score over rows, by what kind of score it is; rows can belong together.

A share gets Wilson's interval at the number of independent rows that would be as uncertain, a mean
over classes those of its classes put together, a loss a bootstrap-t on its logarithm. None of them
has width zero: where nothing varies, the interval says how sure that is, or there is none.

Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
Donner & Zou, "Closed-form confidence intervals for functions of the normal mean and standard
deviation", Stat. Methods Med. Res. 2012 (MOVER: intervals of the parts put together).
Newcombe, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic, part
2", Statistics in Medicine 2006 (method 5).
Hall, "The Bootstrap and Edgeworth Expansion", 1992 (bootstrap-t).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from scipy import special

from hpo.metrics.forms import Form, Values
from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.intervals import LEVEL, Interval, wilson_ends
from hpo.selection.log_ratio import HEAVY, log_ratio_ends

Ends = tuple[float, float]
Found = tuple[Ends, str, str]
"""Ends, the method, and what has to be known of it, which follows the blocks that it is over."""

LEAST = 2
"""Blocks below which no variance is known."""
ROUNDING = 1e-9
"""Standard error, of the score, up to which rows differ by rounding alone."""
SMALL = 40
"""Independent rows up to which a share's interval is the wider of Wilson's and Jeffreys'."""
MANY_CLASSES, SPARSE = 20, 10
"""From this number of classes on, a mean over classes is biased if half of them have fewer rows."""
STILL = 1.5
"""Ratio of extrapolated to plain variance from which stretches of time are called dependent."""
REMEMBERED = 0.15
"""Share of a stretch of time over which rows depend on each other, from which stretches do, too."""
FEW_OF_CLASS, FEW_ERRORS = 20, 10
"""Rows of a class, and wrong answers in all, below which an interval of a mean over classes is rough."""
FEW_ROWS = ", rough: few rows of a class"
FEW = 10
"""Rows of the rarer class up to which the variance of a ranking is not estimated from them."""


def form_interval(form: Form, blocks: RowBlocks, level: float = LEVEL, seed: int = 0) -> Interval:
    """Return the interval of a score over rows.

    Args:
        form: The score.
        blocks: Which of its rows belong together.
        level: Probability with which the interval covers the score on the population.
        seed: Of the resampling, where there is any.
    """
    if reason := unknown_blocks(blocks) or _unknown(form, blocks):
        return Interval(form.value, math.nan, math.nan, level, f"no interval: {reason}")
    ends, method, remark = _BY_SCALE[form.scale](form, blocks, level, seed)
    return Interval(form.value, *ends, level, method + _over(form, blocks) + remark)


def quantile(blocks: RowBlocks, level: float) -> float:
    """Return the two-sided normal quantile, or that of t where the blocks are few."""
    if blocks.kind == "rows":
        return float(special.ndtri(0.5 + level / 2))
    return float(special.stdtrit(blocks.dof, 0.5 + level / 2))


def _student(rows: float, level: float) -> float:
    """Return the quantile of t for a number of rows."""
    return float(special.stdtrit(max(rows - 1, 1.0), 0.5 + level / 2))


def _over(form: Form, blocks: RowBlocks) -> str:
    near = blocks.kind == "times" and (
        blocks.stretching(form.influence) > STILL or blocks.memory(form.influence) > REMEMBERED
    )
    return blocks.words + (", which still depend on each other" if near else "")


def unknown_blocks(blocks: RowBlocks) -> str:
    """Return why rows that belong together tell no interval; empty if they can."""
    if blocks.kind == "rows" or blocks.count >= LEAST:
        return ""
    return "all rows are in one group" if blocks.kind == "groups" else "all rows have the same time"


def _unknown(form: Form, blocks: RowBlocks) -> str:
    """Return why there can be no interval; empty if there can."""
    if not math.isfinite(form.value):
        return "the score is not finite"
    if form.scale in ("positive", "explained", "calibration", "real"):
        if len(blocks) < LEAST:
            return "a single row"
        if form.scale == "explained" and not form.sizes.any():
            return "all targets are equal"
        if not blocks.variance(form.influence) > (ROUNDING * form.value) ** 2:
            return "the rows do not vary"
    if form.scale == "classes" and len(form.classes) >= MANY_CLASSES and np.median(form.sizes) < SPARSE:
        return f"half of {len(form.classes)} classes have fewer than {SPARSE} rows"
    return ""


def _share(form: Form, blocks: RowBlocks, level: float, _: int) -> Found:
    size, z = effective_size(form.value, form.influence, blocks), quantile(blocks, level)
    ends = share_ends if size <= SMALL else wilson_ends
    return ends(form.value, size, z), "Wilson", ""


def effective_size(share: float, influence: Values, blocks: RowBlocks) -> float:
    """Return the number of independent rows whose share would be as uncertain.

    Where all rows are alike, nothing tells how much those of a block repeat each other: a block
    then counts as one row.
    """
    if blocks.kind == "rows":
        return float(len(blocks))
    variance = blocks.variance(influence)
    if not 0 < share < 1 or not variance > 0:
        return float(blocks.count)
    return min(float(len(blocks)), share * (1 - share) / variance)


def _classes(form: Form, blocks: RowBlocks, level: float, _: int) -> Found:
    """Put the intervals of the classes together (MOVER)."""
    z, design = quantile(blocks, level), _design_effect(form, blocks)
    part = {"share": wilson_part, "f1": _f1_part, "ranking": _auc_part, "precision": wilson_part}[form.each]
    ends = [
        part(value, size / design, z)
        for value, size in zip(form.classes.tolist(), form.sizes.tolist(), strict=True)
    ]
    correlation = _correlation(form, blocks)
    down = form.classes - np.array([low for low, _ in ends])
    up = np.array([high for _, high in ends]) - form.classes
    count = len(form.classes)
    centre = form.value - form.bias * design
    low = min(form.value, centre - math.sqrt(float(down @ correlation @ down)) / count)
    high = max(form.value, centre + math.sqrt(float(up @ correlation @ up)) / count)
    name = {"share": "Wilson", "f1": "Wilson", "ranking": "Newcombe", "precision": "Wilson"}[form.each]
    of = "for each class, combined" if count > 1 else "of one class"
    return (max(0.0, low), min(1.0, high)), f"{name} {of}", _roughness(form)


def _roughness(form: Form) -> str:
    """Return what makes the intervals of the classes rough; empty if nothing does."""
    if form.sizes.min() < FEW_OF_CLASS:
        return FEW_ROWS
    errors = float(form.sizes @ (1 - form.classes))
    return ", rough: few errors" if form.each != "ranking" and errors < FEW_ERRORS else ""


def _design_effect(form: Form, blocks: RowBlocks) -> float:
    """Return how many rows of a class are worth one, over all classes together."""
    if blocks.kind == "rows":
        return 1.0
    alone = RowBlocks.independent(len(blocks))
    together = sum(blocks.variance(part) for part in form.parts)
    apart = sum(alone.variance(part) for part in form.parts)
    return max(1.0, together / apart) if apart > 0 else len(blocks) / blocks.count


def _correlation(form: Form, blocks: RowBlocks) -> Values:
    """Return how the values of classes vary together; shares of rows of their own do not."""
    count = len(form.classes)
    if form.each == "share" and blocks.kind == "rows":
        return np.eye(count)
    covariance = blocks.covariance(form.parts)
    width = np.sqrt(np.diag(covariance))
    scale = np.outer(width, width)
    # An error of two classes lowers the F1 of both, also where there was none so far.
    unknown = 1 / (count - 1) if form.each == "f1" and count > 1 else 0.0
    correlation = np.divide(covariance, scale, out=np.full_like(scale, unknown), where=scale > 0)
    np.fill_diagonal(correlation, 1.0)
    return np.asarray(np.clip(correlation, 0.0, 1.0), np.float64)


def wilson_part(value: float, size: float, z: float) -> Ends:
    """Return the ends of the share of a class; anything from 0 to 1 without a row."""
    return share_ends(value, size, z) if size > 0 else (0.0, 1.0)


def share_ends(share: float, size: float, z: float) -> Ends:
    """Return Wilson's ends, or Jeffreys' where they reach further: Wilson's are too near for few rows."""
    low, high = wilson_ends(share, size, z)
    tail, right, wrong = float(special.ndtr(-z)), share * size + 0.5, (1 - share) * size + 0.5
    return (
        min(low, float(special.betaincinv(right, wrong, tail))),
        max(high, float(special.betaincinv(right, wrong, 1 - tail))),
    )


def _f1_part(value: float, size: float, z: float) -> Ends:
    low, high = wilson_part(value / (2 - value), size, z)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def _auc_part(value: float, size: float, z: float) -> Ends:
    return newcombe_ends(value, size, size, z)


def _ranking(form: Form, blocks: RowBlocks, level: float, _: int) -> Found:
    n, m = form.sizes.tolist()
    expected, variance = auc_variance(form.value, n, m), blocks.variance(form.influence)
    scale = 1.0
    if expected > 0 and variance > 0 and (min(n, m) > FEW or blocks.kind != "rows"):
        scale = max(variance / expected, 0.5 if blocks.kind == "rows" else 1.0)
    elif blocks.kind != "rows":
        scale = len(blocks) / blocks.count
    z = max(quantile(blocks, level), _student(min(n, m), level))
    return newcombe_ends(form.value, n, m, z, scale), "Newcombe", ""


def auc_variance(auc: float, n: float, m: float) -> float:
    """Return the variance of an AUC of ``n`` and ``m`` rows (Newcombe's, after Hanley & McNeil)."""
    middle = (n + m) / 2 - 1
    shape = 1 + middle * (1 - auc) / (2 - auc) + middle * auc / (1 + auc)
    return auc * (1 - auc) * shape / (n * m)


def newcombe_ends(auc: float, n: float, m: float, z: float, scale: float = 1.0) -> Ends:
    """Return the AUCs that are just compatible with the one seen."""

    def apart(candidate: float) -> float:
        return abs(auc - candidate) - z * math.sqrt(scale * auc_variance(candidate, n, m))

    return _root(apart, auc, 0.0), _root(apart, auc, 1.0)


def _root(apart: Callable[[float], float], inside: float, outside: float) -> float:
    """Return where a function that is negative inside becomes positive, by bisection."""
    if apart(outside) <= 0:
        return outside
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if apart(middle) < 0 else (inside, middle)
    return (inside + outside) / 2


def _precision(form: Form, blocks: RowBlocks, level: float, _: int) -> Found:
    positives, variance = float(form.sizes[0]), blocks.variance(form.influence)
    size = positives
    if 0 < form.value < 1 and variance > 0:
        size = min(positives, form.value * (1 - form.value) / variance)
    elif blocks.kind != "rows":
        size = min(positives, float(blocks.count))
    alone = RowBlocks.independent(len(blocks)).variance(form.influence)
    independent = positives / max(variance / alone, 1.0) if variance > 0 and alone > 0 else positives
    carrying = _student(blocks.carrying(form.influence) + 1, level) if blocks.kind != "rows" else 0.0
    z = max(quantile(blocks, level), carrying, _student(independent, level))
    few = ", rough: few positives" if independent < FEW_OF_CLASS else ""
    return wilson_ends(form.value, size, z), "Wilson at the effective number of positives", few


def _positive(form: Form, blocks: RowBlocks, level: float, seed: int) -> Found:
    rows = form.contributions
    low, high, heavy = log_ratio_ends(rows, np.ones(len(rows)), blocks, level, seed)
    return (low, high), "bootstrap-t of the logarithm", HEAVY if heavy else ""


def _explained(form: Form, blocks: RowBlocks, level: float, seed: int) -> Found:
    low, high, heavy = log_ratio_ends(form.classes, form.sizes, blocks, level, seed)
    return (1 - high, 1 - low), "bootstrap-t of the unexplained share", HEAVY if heavy else ""


def _calibration(form: Form, blocks: RowBlocks, level: float, _: int) -> Found:
    """Reach further down by what chance alone adds to the mean of absolute differences."""
    half = _student(blocks.dof + 1, level) * math.sqrt(blocks.variance(form.influence))
    low = max(0.0, form.value - half - float(form.sizes[0]))
    return (low, min(1.0, form.value + half)), "t", ", minus the part due to chance"


def _real(form: Form, blocks: RowBlocks, level: float, _: int) -> Found:
    half = float(special.stdtrit(max(blocks.dof, 1.0), 0.5 + level / 2)) * math.sqrt(
        blocks.variance(form.influence)
    )
    return (form.value - half, form.value + half), "t", ""


_BY_SCALE: dict[str, Callable[[Form, RowBlocks, float, int], Found]] = {
    "share": _share,
    "classes": _classes,
    "ranking": _ranking,
    "precision": _precision,
    "positive": _positive,
    "explained": _explained,
    "calibration": _calibration,
    "real": _real,
}
