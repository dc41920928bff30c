"""Losses of classifiers: from logits [n, classes] and targets to one number.

Targets are labels, int64 [n], or shares of the classes, float [n, classes], where images are mixed.
Each builder takes the number of classes and the part's hyperparameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from trainables.parts.loss import LOSS

Loss = Callable[[Tensor, Tensor], Tensor]

MIXED = 4
"""Maximum of classes in a mixed image."""


def build(choice: Mapping[str, Any], classes: int) -> Loss:
    """Return the loss of a recipe's ``loss``, in normal form."""
    options = dict(choice)
    loss: Loss = LOSS.part(options.pop("name")).load()(classes, **options)
    return loss


def cross_entropy(classes: int, label_smoothing: float) -> Loss:
    """Minus the log of the probability of the right class."""
    return lambda outputs, targets: F.cross_entropy(outputs, targets, label_smoothing=label_smoothing)


def binary_cross_entropy(
    classes: int, label_smoothing: float, reduction: str, target_threshold: float | None = None
) -> Loss:
    """One yes-or-no question per class, averaged or summed over the classes.

    With a threshold, targets above it are 1 and others 0, as in timm's ``BinaryCrossEntropy``.
    """
    scale = classes if reduction == "sum" else 1

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        soft = shares(targets, outputs) * (1 - label_smoothing) + label_smoothing / classes
        if target_threshold is not None:
            soft = (soft > target_threshold).to(soft.dtype)
        return scale * F.binary_cross_entropy_with_logits(outputs, soft)

    return loss


def hinge(classes: int, margin: float) -> Loss:
    """Margin by which each wrong class comes too close to the right one, averaged over the classes.

    The value is that of torch's ``multi_margin_loss``, which cannot be differentiated twice, as a
    gradient penalty requires.
    """

    def of_labels(outputs: Tensor, labels: Tensor) -> Tensor:
        if outputs.dtype in (torch.bfloat16, torch.float16):
            outputs = outputs.float()  # half precision rounds the margin and the sum over classes
        right = outputs.gather(1, labels[:, None])
        missing_margin = (margin - right + outputs).clamp(min=0)
        return missing_margin.scatter(1, labels[:, None], 0.0).sum(1) / classes

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        if not targets.is_floating_point():
            return of_labels(outputs, targets).mean()
        weights, labels = targets.topk(min(MIXED, classes), dim=1)
        terms = [of_labels(outputs, label) for label in labels.T]
        return (torch.stack(terms, 1) * weights).sum(1).mean()

    return loss


def squared_error(classes: int) -> Loss:
    """Return mean squared difference between outputs and one-hot labels."""
    return lambda outputs, targets: F.mse_loss(outputs, shares(targets, outputs))


def absolute_error(classes: int) -> Loss:
    """Return mean absolute difference between outputs and one-hot labels."""
    return lambda outputs, targets: F.l1_loss(outputs, shares(targets, outputs))


def shares(targets: Tensor, outputs: Tensor) -> Tensor:
    """Return targets as shares of the classes, in the outputs' shape and type."""
    if targets.is_floating_point():
        return targets.to(outputs.dtype)
    return F.one_hot(targets, outputs.shape[1]).to(outputs.dtype)
