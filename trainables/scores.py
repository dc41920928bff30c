"""Scores of a model's outputs, in whole-array numpy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trainables.registry import CLASSIFICATION, REGRESSION


def classification(outputs: NDArray[np.floating], targets: NDArray[np.integer]) -> Mapping[str, float]:
    """Scores of a classifier; all NaN if any output is not finite, as such a model is none.

    Args:
        outputs: Logits [n, classes]. The loss is their cross-entropy, whatever was trained on.
        targets: Labels [n].
    """
    if not np.isfinite(outputs).all():
        return {metric.name: math.nan for metric in CLASSIFICATION}
    top = outputs.max(1).astype(np.float64)
    right = np.take_along_axis(outputs, targets[:, None], 1)[:, 0]
    rest = np.exp(outputs - top[:, None]).sum(1)
    loss = float((top + np.log(rest) - right).mean())
    return labelling(outputs.argmax(1), targets, outputs.shape[1]) | {"loss": loss}


def labelling(predicted: NDArray[np.integer], targets: NDArray[np.integer], classes: int) -> dict[str, float]:
    """Accuracy, error and macro F1, precision and recall of predicted labels [n]."""
    accuracy = float((predicted == targets).mean())
    return {"accuracy": accuracy, "error": 1 - accuracy, **macro(predicted, targets, classes)}


def macro(predicted: NDArray[np.integer], targets: NDArray[np.integer], classes: int) -> dict[str, float]:
    """Means over the classes of F1, precision TP / (TP + FP) and recall TP / (TP + FN).

    A class that nowhere occurs is left out; one that is never predicted has a precision of 0, one
    that is predicted and never true a recall of 0, as scikit-learn has it.
    """
    hits = np.bincount(targets[predicted == targets], minlength=classes)
    found, there = (np.bincount(labels, minlength=classes) for labels in (predicted, targets))
    seen = found + there > 0
    hits, found, there = hits[seen], found[seen], there[seen]
    return {
        "macro_f1": float((2 * hits / (found + there)).mean()),
        "macro_precision": float((hits / np.maximum(found, 1)).mean()),
        "macro_recall": float((hits / np.maximum(there, 1)).mean()),
    }


def regression(outputs: NDArray[np.floating], targets: NDArray[np.floating]) -> Mapping[str, float]:
    """Scores of a regression; all NaN if any output is not finite.

    Args:
        outputs: Predictions [n], in the targets' own unit.
        targets: Values [n].
    """
    if not np.isfinite(outputs).all():
        return {metric.name: math.nan for metric in REGRESSION}
    truth = targets.astype(np.float64)
    off = outputs.astype(np.float64) - truth
    spread = float(np.square(truth - truth.mean()).mean())
    squared = float(np.square(off).mean())
    # Targets without spread leave nothing to explain: 1 if met exactly, as scikit-learn has it.
    r2 = 1 - squared / spread if spread else float(squared == 0)
    return {"mean_squared_error": squared, "mean_absolute_error": float(np.abs(off).mean()), "r2": r2}


def probabilities(outputs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Softmax of logits [n, classes]."""
    powers = np.exp(outputs.astype(np.float64) - outputs.max(1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(1, keepdims=True)
    return shares


def combined(outputs: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
    """What several models say together, in the form in which each of them says it.

    Of logits [n, classes] the log of the mean of their probabilities, of values [n] their mean.
    """
    if outputs[0].ndim == 1:
        mean: NDArray[np.floating] = np.mean([each.astype(np.float64) for each in outputs], 0)
        return mean.astype(outputs[0].dtype)
    shares = np.mean([probabilities(each) for each in outputs], 0)
    logs: NDArray[np.floating] = np.log(np.maximum(shares, np.finfo(np.float64).tiny))
    return logs


def named(part: str, values: Mapping[str, float]) -> dict[str, float]:
    """Scores under the name of the part they were found on: ``validation/accuracy``."""
    return {f"{part}/{name}": value for name, value in values.items()}
