"""How well predictions fit targets, and how well they would by chance."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.trainable import Examples, Model
from hpo.metrics.labels import labels_of

DEVIATIONS = 4.0
"""Standard deviations beyond which a fit is not by chance."""

NEITHER = "targets or predictions are neither classes nor values"
"""Why nothing can be said of a model."""


@dataclass(frozen=True, slots=True)
class Fit:
    """How well predictions fit.

    Attributes:
        value: Accuracy, or correlation of values.
        chance: What an answer without knowledge reaches.
        deviation: Standard deviation of that.
        measure: ``accuracy`` or ``correlation``.
    """

    value: float
    chance: float
    deviation: float
    measure: str

    @property
    def above(self) -> bool:
        """Whether it is better than chance."""
        return self.value > self.chance + DEVIATIONS * self.deviation

    @property
    def text(self) -> str:
        """Value and chance in words."""
        return f"{self.measure} {self.value:.3g}, by chance {self.chance:.2g} ± {self.deviation:.2g}"


def fit_of(model: Model, examples: Examples, reported: Mapping[str, float] | None = None) -> Fit | str:
    """Return how well a model predicts examples, or why that is not known.

    Args:
        model: The model.
        examples: The examples.
        reported: What the training reported of them, which counts if it is better.
    """
    task = examples.info.task
    if task not in ("classification", "regression"):
        return NEITHER
    try:
        outputs, targets = np.asarray(model.predict(examples)), examples.targets[examples.rows]
    except UserError as error:  # code of a user's own need not predict
        return str(error)
    if task == "classification":
        labels = labels_of(outputs)
        return NEITHER if labels is None else _at_least(_accuracy(labels, targets), reported or {})
    values = outputs.reshape(len(outputs), -1)[:, 0].astype(np.float64)
    return _correlation(values, np.asarray(targets, np.float64).reshape(len(targets), -1)[:, 0])


def _at_least(fit: Fit, reported: Mapping[str, float]) -> Fit:
    accuracy = reported.get("validation/accuracy", 1 - reported.get("validation/error", 1.0))
    return dataclasses.replace(fit, value=max(fit.value, accuracy))


def _accuracy(predicted: NDArray[Any], targets: NDArray[Any]) -> Fit:
    """Compare with the most frequent class."""
    n = len(targets)
    chance = float(np.bincount(targets).max()) / n
    return Fit(float((predicted == targets).mean()), chance, math.sqrt(chance * (1 - chance) / n), "accuracy")


def _correlation(predicted: NDArray[Any], targets: NDArray[Any]) -> Fit:
    finite = bool(np.isfinite(predicted).all())
    spread = float(predicted.std() * targets.std()) if finite else 0.0
    centred = (predicted - predicted.mean()) * (targets - targets.mean())
    value = float(centred.mean()) / spread if spread else 0.0
    return Fit(value, 0.0, 1 / math.sqrt(len(targets)), "correlation")
