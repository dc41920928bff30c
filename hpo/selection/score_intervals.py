"""The intervals of all metrics of a model on a part, each by the method that suits it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from hpo.core.formatting import count
from hpo.core.trainable import Array, Metric
from hpo.metrics.assessment import Assessment
from hpo.metrics.forms import Form, Score, forms, of_means
from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.form_intervals import (
    FEW,
    FEW_OF_CLASS,
    FEW_ROWS,
    effective_size,
    form_interval,
    quantile,
    unknown_blocks,
)
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
    if unknown and (reason := unknown_blocks(blocks)):
        values = score(outputs, targets)
        for name in unknown:
            none = math.nan, math.nan, level, f"no interval: {reason}"
            intervals[name] = Interval(float(values[name]), *none)
    elif unknown:
        drawn = bootstrap(score, outputs, targets, seed, level, blocks=blocks)
        for name in unknown:
            share = name in shares
            intervals[name] = _declared_share(drawn[name], blocks) if share else _rare(drawn[name], targets)
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


def _rare(interval: Interval, targets: Array) -> Interval:
    """Return a bootstrapped interval with a word if resamples say little: a class has few rows.

    Of two classes it is none below 10 rows: kappa, the geometric mean and the correlation of 5 rows of the
    rarer class were covered in 70 to 80 %.
    """
    if targets.dtype.kind not in "iub" or not len(targets) or not math.isfinite(interval.low):
        return interval
    counts = np.unique(targets, return_counts=True)[1]
    least = int(counts.min())
    if len(counts) > len(targets) / 4 or least >= FEW_OF_CLASS:
        return interval
    if len(counts) == 2 and least < FEW:
        reason = f"no interval: {count(least, 'row')} of one class"
        return replace(interval, low=math.nan, high=math.nan, method=reason)
    return replace(interval, method=interval.method + FEW_ROWS)


def _declared_share(interval: Interval, blocks: RowBlocks) -> Interval:
    """Return Wilson's interval for a share that could not be taken apart into rows."""
    if not 0 <= interval.value <= 1 or blocks.kind != "rows":
        return interval
    size = effective_size(interval.value, np.zeros(len(blocks)), blocks)
    if not math.isfinite(interval.value) or size < 1:
        return interval
    ends = wilson_ends(interval.value, size, quantile(blocks, interval.level))
    return Interval(interval.value, *ends, interval.level, "Wilson")
