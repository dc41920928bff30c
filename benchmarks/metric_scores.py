"""Scores of a model's outputs, by scikit-learn, as users write them; the product must recognize them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import special
from sklearn import metrics

from trainables import scores


def _margin(outputs: Any) -> Any:
    return outputs[:, 1] - outputs[:, 0]


def _shipped(name: str) -> Callable[[Any, Any], float]:
    def score(outputs: Any, targets: Any) -> float:
        of = scores.regression if outputs.ndim == 1 else scores.classification
        return float(of(outputs, targets)[name])

    return score


SCORES: dict[str, Callable[[Any, Any], float]] = {
    **{name: _shipped(name) for name in ("accuracy", "error", "loss", "macro_f1", "macro_precision")},
    **{name: _shipped(name) for name in ("mean_squared_error", "mean_absolute_error", "r2", "macro_recall")},
    "balanced_accuracy": lambda o, t: float(metrics.balanced_accuracy_score(t, o.argmax(1))),
    "roc_auc": lambda o, t: float(metrics.roc_auc_score(t, _margin(o))),
    "average_precision": lambda o, t: float(metrics.average_precision_score(t, _margin(o))),
    "calibration_error": _shipped("calibration_error"),
    "brier": lambda o, t: float(np.mean((special.expit(_margin(o).astype(np.float64)) - t) ** 2)),
}
