"""Scores of a model's outputs, in whole-array numpy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from trainables.ranking_scores import calibration_error, ranking
from trainables.registry import CLASSIFICATION, REGRESSION


def classification(outputs: NDArray[np.floating], targets: NDArray[np.integer]) -> Mapping[str, float]:
    """Score a classifier; all NaN if any output is not finite.

    Args:
        outputs: Logits [n, classes]. The loss is their cross-entropy, whatever the recipe minimizes;
            ``log_loss`` is another name for it.
        targets: Labels [n].
    """
    if not np.isfinite(outputs).all():
        return {metric.name: math.nan for metric in CLASSIFICATION}
    logits = outputs.astype(np.float64)
    top, predicted = logits.max(1), logits.argmax(1)
    powers = np.exp(logits - top[:, None])
    total = powers.sum(1)
    right = np.take_along_axis(logits, targets[:, None], 1)[:, 0]
    loss = float((top + np.log(total) - right).mean())
    return {
        **labelling(predicted, targets, outputs.shape[1]),
        "loss": loss,
        "log_loss": loss,
        **ranking(logits, powers / total[:, None], targets),
        "calibration_error": calibration_error(1 / total, predicted == targets),
    }


def labelling(predicted: NDArray[np.integer], targets: NDArray[np.integer], classes: int) -> dict[str, float]:
    """Return accuracy, error, balanced accuracy and macro F1, precision and recall of labels [n]."""
    accuracy = float((predicted == targets).mean())
    return {"accuracy": accuracy, "error": 1 - accuracy, **macro(predicted, targets, classes)}


def macro(predicted: NDArray[np.integer], targets: NDArray[np.integer], classes: int) -> dict[str, float]:
    """Return the means over the classes of F1, precision TP / (TP + FP) and recall TP / (TP + FN).

    A class that does not occur is left out; one that is never predicted has a precision of 0, one that
    is predicted and never true has a recall of 0, as in scikit-learn. ``balanced_accuracy`` is the mean
    recall of the classes that are true somewhere.
    """
    hits = np.bincount(targets[predicted == targets], minlength=classes)
    predicted_count, true_count = (np.bincount(labels, minlength=classes) for labels in (predicted, targets))
    occurring = predicted_count + true_count > 0
    hits, predicted_count, true_count = hits[occurring], predicted_count[occurring], true_count[occurring]
    return {
        "macro_f1": float((2 * hits / (predicted_count + true_count)).mean()),
        "macro_precision": float((hits / np.maximum(predicted_count, 1)).mean()),
        "macro_recall": float((hits / np.maximum(true_count, 1)).mean()),
        "balanced_accuracy": float((hits / np.maximum(true_count, 1))[true_count > 0].mean()),
    }


def regression(outputs: NDArray[np.floating], targets: NDArray[np.floating]) -> Mapping[str, float]:
    """Score a regression; all NaN if any output is not finite.

    ``r2`` is left out if all targets are equal: there is no variance of which a share could be explained.

    Args:
        outputs: Predictions [n], in the targets' own unit.
        targets: Values [n].
    """
    if not np.isfinite(outputs).all():
        return {metric.name: math.nan for metric in REGRESSION}
    truth = targets.astype(np.float64)
    difference = outputs.astype(np.float64) - truth
    spread = float(np.square(truth - truth.mean()).mean())
    squared = float(np.square(difference).mean())
    explained = {"r2": 1 - squared / spread} if spread else {}
    absolute = float(np.abs(difference).mean())
    return {"mean_squared_error": squared, "mean_absolute_error": absolute, **explained}


def probabilities(outputs: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the softmax of logits [n, classes]."""
    powers = np.exp(outputs.astype(np.float64) - outputs.max(1, keepdims=True))
    shares: NDArray[np.float64] = powers / powers.sum(1, keepdims=True)
    return shares


def combined(outputs: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
    """Return the joint outputs of several models, in the form of a single model's outputs.

    For logits [n, classes] this is the log of their mean probabilities, for values [n] their mean.
    """
    if outputs[0].ndim == 1:
        mean: NDArray[np.floating] = np.mean([output.astype(np.float64) for output in outputs], 0)
        return mean.astype(outputs[0].dtype)
    shares = np.mean([probabilities(output) for output in outputs], 0)
    logs: NDArray[np.floating] = np.log(np.maximum(shares, np.finfo(np.float64).tiny))
    return logs


def named(part: str, values: Mapping[str, float]) -> dict[str, float]:
    """Return scores with the name of their part: ``validation/accuracy``."""
    return {f"{part}/{name}": value for name, value in values.items()}
