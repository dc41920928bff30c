"""The labels that a model's outputs stand for, or that they stand for none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.trainable import DataInfo


def labels_of(outputs: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return the label of each row: of the largest of its scores, or the label itself, [n].

    Args:
        outputs: Scores [n, classes] or labels [n].

    Returns:
        None for other outputs, such as one number per row from which only the model's own code knows a class:
        a logit or a probability of the second of two classes.
    """
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return np.asarray(outputs.argmax(1), np.int64)
    if outputs.ndim == 1 and np.array_equal(outputs, np.floor(outputs)):
        return outputs.astype(np.int64)
    return None


def outputs_complaint(outputs: NDArray[Any], info: DataInfo) -> str:
    """Return why no classes or values follow from a model's outputs; empty if they do.

    Args:
        outputs: What the model predicts, [n, ...].
        info: Description of the data.
    """
    first = np.array2string(np.asarray(outputs[0]), precision=4, threshold=3) if len(outputs) else "nothing"
    shape = ", ".join(["n", *map(str, outputs.shape[1:])])
    shown = f"the model predicts {outputs.dtype} [{shape}], {first} for the first row"
    if info.task == "regression" and outputs.size != len(outputs):
        return f"{shown}; legal: a value for each row, [n]"
    if info.task != "classification":
        return ""
    classes, labels = len(info.classes), labels_of(outputs)
    shaped = outputs.ndim == 1 or outputs.shape[1] == classes
    if labels is not None and shaped and ((labels >= 0) & (labels < classes)).all():
        return ""
    return (
        f"{shown}, from which no class follows; `predict` has to return a score for each of the {classes} "
        f"classes, [n, {classes}], or labels from 0 to {classes - 1}, [n]"
    )
