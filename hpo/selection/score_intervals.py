"""The intervals of all metrics of a model on a part, each by the method that suits it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hpo.core.trainable import Array, Metric
from hpo.metrics.assessment import Assessment
from hpo.metrics.forms import Form, Score, forms, of_means
from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.form_intervals import FEW_OF_CLASS, FEW_ROWS, effective_size, form_interval, quantile
from hpo.selection.intervals import Interval, level_of_look, wilson_ends
from hpo.selection.resampling import bootstrap

ONE_NUMBER = "no interval: evaluate returned one number, not the value of each row"


def score_intervals(
    score: Score,
    metrics: Sequence[Metric],
    outputs: Array,
    targets: Array,
    seed: int,
    look: int = 1,
    blocks: RowBlocks | None = None,
) -> dict[str, Interval]:
    """Return every metric of a model with its interval over rows.

    Args:
        score: The trainable's.
        metrics: The trainable's; one marked as a proportion gets Wilson's interval.
        outputs: Array [n, ...] of the model's outputs.
        targets: Array [n].
        seed: Of the resampling.
        look: How often this test data has been opened, this time included.
        blocks: Which rows belong together; none if None.

    Returns:
        Metric name to interval, at the level of `level_of_look`.
    """
    outputs, targets = np.asarray(outputs), np.asarray(targets)
    level, blocks = level_of_look(look), blocks or RowBlocks.independent(len(targets))
    score_forms = forms(score, outputs, targets)
    shares = {metric.name for metric in metrics if metric.proportion}
    intervals: dict[str, Interval] = {}
    unknown = []
    for name, form in score_forms.items():
        if form is not None:
            intervals[name] = form_interval(_as_declared(form, name in shares), blocks, level, seed)
        else:
            unknown.append(name)
    if unknown:
        drawn = bootstrap(score, outputs, targets, seed, level, blocks=blocks)
        for name in unknown:
            interval = _declared_share(drawn[name], blocks) if name in shares else drawn[name]
            intervals[name] = replace(interval, method=interval.method + _rarity(interval, targets))
    return {name: intervals[name] for name in score_forms}


def assessed_intervals(
    assessment: Assessment,
    metrics: Sequence[Metric],
    n: int,
    seed: int,
    look: int = 1,
    blocks: RowBlocks | None = None,
) -> dict[str, Interval]:
    """Return every metric of an assessed model with its interval over rows.

    A metric that was given as one number has no interval, and its method says so.

    Args:
        assessment: The model's scores.
        metrics: The trainable's.
        n: Number of rows.
        seed: Of the resampling.
        look: How often this test data has been opened, this time included.
        blocks: Which rows belong together; none if None.
    """
    if assessment.score is not None:
        outputs, targets = assessment.outputs, assessment.targets
        scored = score_intervals(assessment.score, metrics, outputs, targets, seed, look, blocks)
        return _with_missing(scored, assessment.not_numbers)
    level, blocks = level_of_look(look), blocks or RowBlocks.independent(n)
    shares = {metric.name for metric in metrics if metric.proportion}
    intervals: dict[str, Interval] = {}
    for name, value in assessment.values.items():
        if name in assessment.rows:
            form = _as_declared(of_means(assessment.rows[name]), name in shares)
            found = {name: form_interval(form, blocks, level, seed)}
            intervals |= _with_missing(found, assessment.values_missing(name))
        else:
            intervals[name] = Interval(value, math.nan, math.nan, level, ONE_NUMBER)
    return intervals


def _with_missing(intervals: dict[str, Interval], missing: str) -> dict[str, Interval]:
    return {name: replace(of, missing=missing) for name, of in intervals.items()}


def _as_declared(form: Form, share: bool) -> Form:
    """Return the form as a share if it is declared one and can be one."""
    return replace(form, scale="share") if share and 0 <= form.value <= 1 else form


def _rarity(interval: Interval, targets: Array) -> str:
    """Return that resamples of few rows of a class say little; empty without classes, or an interval."""
    if targets.dtype.kind not in "iub" or not len(targets) or not math.isfinite(interval.low):
        return ""
    counts = np.unique(targets, return_counts=True)[1]
    return FEW_ROWS if len(counts) <= len(targets) / 4 and counts.min() < FEW_OF_CLASS else ""


def _declared_share(interval: Interval, blocks: RowBlocks) -> Interval:
    """Return Wilson's interval for a share that could not be taken apart into rows."""
    if not 0 <= interval.value <= 1 or blocks.kind != "rows":
        return interval
    size = effective_size(interval.value, np.zeros(len(blocks)), blocks)
    if not math.isfinite(interval.value) or size < 1:
        return interval
    ends = wilson_ends(interval.value, size, quantile(blocks, interval.level))
    return Interval(interval.value, *ends, interval.level, "Wilson")
