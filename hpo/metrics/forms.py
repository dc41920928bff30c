"""A metric's form: its value, what each row adds to it, and on which scale it lies.

An interval needs to know how a score would change with other rows. For a score that is a smooth
function of sums over rows that is its influence: by how much each row moves it, to first order
(Efron, "The Jackknife, the Bootstrap and Other Resampling Plans", 1982, chapter 6). The forms of
well-known metrics are written down here; a metric is recognized by its value, whatever its name is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Scale = Literal["share", "classes", "ranking", "precision", "positive", "explained", "calibration", "real"]
Score = Callable[[Any, Any], Mapping[str, float]]
"""A trainable's `score`: outputs and targets to the value of every metric."""

CELLS = 20_000_000
"""Rows times classes up to which metrics of classes are recognized."""
LEAST_LEFT_OUT, LEFT_OUT = 20, 2_000
"""Rows from which and up to which an unknown metric is scored once without each row."""
CLOSE = 1e-6


@dataclass(frozen=True)
class Form:
    """A score as a function of its rows.

    Attributes:
        value: The score.
        influence: By how much each row moves it, times n: [n], mean zero.
        scale: Between which bounds it lies, and how its variance depends on it.
        classes: Of a mean over classes, the value of each, [classes].
        parts: Influence of each class's value, [classes, n].
        sizes: Rows behind each class's value, [classes].
        each: Scale of each class's value: a share of its rows, F1, or one of the others.
        bias: Expected value less that of the population, to second order; it matters beside the width of
            an interval where many classes have few rows each.
    """

    value: float
    influence: Values
    scale: Scale
    classes: Values = field(default_factory=lambda: np.empty(0))
    parts: Values = field(default_factory=lambda: np.empty((0, 0)))
    sizes: Values = field(default_factory=lambda: np.empty(0))
    each: Literal["share", "f1", "ranking", "precision"] = "share"
    bias: float = 0.0

    @property
    def contributions(self) -> Values:
        """What each row contributes, [n]; their mean is the score."""
        return self.value + self.influence


def of_means(rows: Values, share: bool = True) -> Form:
    """Return the form of a mean over rows [n]; of zeros and ones it is a share, if it can be one."""
    value = float(rows.mean())
    if share and np.isin(rows, (0.0, 1.0)).all():
        return Form(value, rows - value, "share")
    return Form(value, rows - value, "positive" if rows.min() >= 0 else "real")


def forms(score: Score, outputs: Any, targets: Any) -> dict[str, Form | None]:
    """Return the form of every metric of a score; None where it is unknown or undefined.

    Args:
        score: Values of all metrics for outputs and targets.
        outputs: Array [n, ...] of a model's outputs.
        targets: Array [n].
    """
    from hpo.metrics.row_means import scored_alone

    outputs, targets = np.asarray(outputs), np.asarray(targets)
    values = {name: float(value) for name, value in score(outputs, targets).items()}
    by_name = recognized(outputs, targets, values)
    missing = [name for name in values if name not in by_name and math.isfinite(values[name])]
    if missing:
        by_name |= scored_alone(score, outputs, targets, {name: values[name] for name in missing})
    return {name: by_name.get(name) for name in values}


def recognized(outputs: Any, targets: Any, values: Mapping[str, float]) -> dict[str, Form]:
    """Return the forms of metrics whose values are those of a known metric."""
    forms_by_name: dict[str, Form] = {}
    fits = dict.fromkeys(values, -1)
    for candidate in _candidates(outputs, targets):
        for name, value in values.items():
            equal = math.isclose(candidate.value, value, rel_tol=CLOSE, abs_tol=1e-12)
            if equal and (fit := _fits(name, candidate)) > fits[name]:
                forms_by_name[name], fits[name] = candidate, fit
    return forms_by_name


WORDS = (
    *(("f1", "f1"), ("f_score", "f1"), ("macro", "classes"), ("balanced", "classes")),
    *(("average_precision", "precision"), ("auc", "ranking"), ("roc", "ranking")),
    ("calibration", "calibration"),
    *(("f1", "single f1"), ("f_score", "single f1"), ("precision", "single precision")),
    *(("recall", "single share"), ("sensitivity", "single share"), ("specificity", "single share")),
)
"""Words in the name of a metric, and the kind of form that they speak for."""
AVERAGES = ("macro", "balanced", "average", "weighted", "micro")
"""Words in the name of a metric that speak against the form of a single class."""


def _fits(name: str, form: Form) -> int:
    """Return how well a form fits a metric's name: perfect answers have the same value in all metrics.

    It is negative for the form of a single class that only chance explains: of an average, or where the
    value is that of many metrics and the name speaks for none of a single class.
    """
    single = form.scale == "classes" and len(form.classes) == 1
    kinds: set[str] = {form.scale, form.each} if form.scale == "classes" else {form.scale}
    if single:
        kinds = {form.each, f"single {form.each}"} - {"precision"}
    fit = sum(kind in kinds for word, kind in WORDS if word in name.lower())
    average = any(word in name.lower() for word in AVERAGES)
    return -1 if single and (average or (not fit and form.value in (0.0, 1.0))) else fit


def _candidates(outputs: Any, targets: Any) -> Any:
    from hpo.metrics import calibration, classification, ranking_metrics, regression

    if not np.isfinite(np.asarray(outputs, np.float64)).all():
        return
    few = targets.dtype.kind in "iub" and len(targets) and targets.min() >= 0
    if few and len(targets) * (int(targets.max()) + 1) <= CELLS:
        yield from classification.candidates(outputs, targets)
        yield from ranking_metrics.candidates(outputs, targets)
        yield from calibration.candidates(outputs, targets)
    if outputs.ndim == 1:
        yield from regression.candidates(outputs.astype(np.float64), targets.astype(np.float64))


def jackknifed(score: Score, name: str, outputs: Any, targets: Any) -> Form | None:
    """Return the form of any metric by leaving out each row once; None for few or many rows."""
    n = len(targets)
    if not LEAST_LEFT_OUT <= n <= LEFT_OUT:
        return None
    whole, left = float(score(outputs, targets)[name]), np.empty(n)
    keep = np.ones(n, bool)
    for row in range(n):
        keep[row] = False
        try:
            left[row] = float(score(outputs[keep], targets[keep])[name])
        except Exception:
            return None
        keep[row] = True
    if not np.isfinite(left).all():
        return None
    return Form(whole, (n - 1) * (left.mean() - left), "real")
