"""Score baselines by the metrics of a search, and subtract them from the model row by row."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.detail_events import BaselinesScored
from hpo.core.trainable import Examples, Metric
from hpo.metrics.forms import forms
from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.intervals import Interval
from hpo.selection.matched_pairs import matched_difference
from hpo.selection.score_intervals import score_intervals
from hpo.selection.simple_models import WIDEST, baselines_of, encoded_width
from trainables.registry import CLASSIFICATION, REGRESSION
from trainables.scores import classification, regression

Values = NDArray[np.float64]

SYNONYMS = {
    "acc": "accuracy",
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "auc": "roc_auc",
    "f1_macro": "macro_f1",
    "r2_score": "r2",
}
"""Other names under which a user's trainable may report a metric that is known here."""


@dataclass(frozen=True)
class ModelRows:
    """What the winner scored on the rows that baselines are compared on.

    Attributes:
        value: Its score; NaN if it is unknown.
        contributions: What each row contributes to it, [seeds, n]; None if that is unknown.
        constant: The class that it answers for every row; empty if it answers several.
    """

    value: float = math.nan
    contributions: Values | None = None
    constant: str = ""


@dataclass
class _Table:
    """The columns of a `BaselinesScored` while they are filled."""

    scores: dict[str, Mapping[str, Mapping[str, float]]] = field(default_factory=dict)
    methods: dict[str, Mapping[str, str]] = field(default_factory=dict)
    differences: dict[str, Mapping[str, float]] = field(default_factory=dict)


def score_baselines(
    part: str,
    train: Examples,
    scored: Examples,
    metrics: tuple[Metric, ...],
    metric: str,
    model: ModelRows,
    seed: int,
    level: float = 0.95,
    look: int = 1,
) -> BaselinesScored:
    """Fit baselines to training rows and compare them with the model on other rows.

    Args:
        part: ``validation`` or ``test``.
        train: Rows that they are fitted to.
        scored: Rows that they are scored on.
        metrics: The search's metrics.
        metric: The objective's metric.
        model: The model's score on the same rows.
        seed: Of samples and intervals.
        level: Probability with which the difference's interval covers.
        look: How often these rows have been opened, this time included.
    """
    names = {metric.name: SYNONYMS.get(metric.name, metric.name) for metric in metrics}
    score = _score_of(train.info.task, names)
    targets = np.asarray(scored.targets[scored.rows])
    if score is None or not len(scored):
        notes = (f"no baseline: {_why_none(train.info.task)}",)
        return BaselinesScored(part, len(scored), 0, metric, {}, level=level, notes=notes)
    blocks = RowBlocks.of(len(scored), *(None if of is None else of[scored.rows] for of in _joint(scored)))
    table, trained = _Table(), len(train)
    for baseline in baselines_of(train, scored, seed):
        outputs, trained = baseline.outputs, min(trained, baseline.trained)
        scored_metrics = tuple(metric for metric in metrics if metric.name in score(outputs, targets))
        intervals = score_intervals(score, scored_metrics, outputs, targets, seed, look, blocks)
        table.scores[baseline.name] = {name: of.to_dict() for name, of in intervals.items()}
        table.methods[baseline.name] = {name: of.method for name, of in intervals.items()}
        if metric in intervals:
            difference = _difference(score, metric, outputs, targets, model, intervals[metric], blocks, level)
            table.differences |= {} if difference is None else {baseline.name: difference.to_dict()}
    return BaselinesScored(
        part,
        len(scored),
        trained,
        metric,
        table.scores,
        table.methods,
        table.differences,
        level,
        model.constant,
        tuple(_notes(train, trained, metric, table)),
    )


def _joint(examples: Examples) -> tuple[Any, Any]:
    return examples.groups, examples.times


def _score_of(task: str, names: Mapping[str, str]) -> Callable[[Any, Any], dict[str, float]] | None:
    """Return the known ones of a search's metrics as a score of outputs."""
    if task not in ("classification", "regression"):
        return None
    score: Callable[[Any, Any], Mapping[str, float]]
    score = classification if task == "classification" else regression

    def known(outputs: Any, targets: Any) -> dict[str, float]:
        values = score(outputs, targets)
        return {name: float(values[usual]) for name, usual in names.items() if usual in values}

    return known


def _difference(
    score: Callable[[Any, Any], dict[str, float]],
    metric: str,
    outputs: Values,
    targets: NDArray[Any],
    model: ModelRows,
    baseline: Interval,
    blocks: RowBlocks,
    level: float,
) -> Interval | None:
    """Return the model's score less the baseline's, row by row where that is known."""
    if not math.isfinite(model.value) or not math.isfinite(baseline.value):
        return None
    alone = Interval(model.value - baseline.value, math.nan, math.nan, level, "no interval")
    form = forms(lambda some, their: {metric: score(some, their)[metric]}, outputs, targets)[metric]
    ours = model.contributions
    if form is None or ours is None or ours.shape[1] != len(targets):
        return alone
    rows = ours - form.contributions
    if metric not in ("accuracy", "error") and not np.ptp(rows) > 0:
        return alone
    difference = matched_difference(rows, blocks, level)
    return difference if difference.high > difference.low else alone


def _why_none(task: str) -> str:
    return "the targets are neither classes nor numbers" if task == "other" else "there are no rows"


def _notes(train: Examples, trained: int, metric: str, table: _Table) -> list[str]:
    notes = []
    if metric not in next(iter(table.scores.values()), {}):
        known = SYNONYMS.get(metric, metric) in {of.name for of in (*CLASSIFICATION, *REGRESSION)}
        own = f"{metric} is the training code's own metric, which no baseline can be scored by"
        notes.append(f"{metric} has no value on these rows" if known else own)
    if encoded_width(train.info) > WIDEST:
        notes.append(f"only the simplest baseline was made: a row has more than {WIDEST:,} values")
    if trained < len(train):
        notes.append(f"baselines were fitted to samples, the smallest of {trained:,} of {len(train):,} rows")
    return notes
