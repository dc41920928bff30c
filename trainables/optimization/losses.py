"""Losses of classifiers: from logits [n, classes] and targets to one number.

Targets are labels, int64 [n], or shares of the classes, float [n, classes], where images are mixed.
Each builder takes the number of classes and the part's hyperparameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from trainables.parts.loss import LOSS

Loss = Callable[[Tensor, Tensor], Tensor]

MIXED = 4
"""Maximum of classes in a mixed image."""


@dataclass(frozen=True)
class WeightedLoss:
    """A loss that is a mean by the weights of the classes.

    Attributes:
        loss: Of outputs and targets.
        weights: Of each class.
        mixed: Whether mixed labels count by weight too; torch's cross-entropy counts each as one.
    """

    loss: Loss
    weights: Tensor
    mixed: bool

    def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of outputs [n, classes] and targets."""
        return self.loss(outputs, targets)

    def mass(self, targets: Tensor) -> float | Tensor:
        """Return the sum of the weights by which the mean over these targets was taken."""
        weights = self.weights.to(targets.device)
        if not targets.is_floating_point():
            return weights[targets].sum()
        return (targets @ weights.to(targets)).sum() if self.mixed else len(targets)


def mass(loss: Loss, targets: Tensor) -> float | Tensor:
    """Return what targets count together in the mean that a loss is: by default, each of them 1."""
    return loss.mass(targets) if isinstance(loss, WeightedLoss) else len(targets)


def build(choice: Mapping[str, Any], classes: int, counts: Sequence[int] | None = None) -> Loss:
    """Return the loss of a recipe's ``loss``, in normal form.

    Args:
        choice: The recipe's ``loss``.
        classes: Number of classes.
        counts: Training examples of each class, for ``class_weights: balanced``.
    """
    options = dict(choice)
    name, weighting = options.pop("name"), options.pop("class_weights", "none")
    builder = LOSS.part(name).load()
    if weighting == "none":
        loss: Loss = builder(classes, **options)
        return loss
    assert counts is not None
    weights = balanced_weights(counts)
    return WeightedLoss(builder(classes, weights=weights, **options), weights, mixed=name == "focal")


def balanced_weights(counts: Sequence[int]) -> Tensor:
    """Return weights inversely proportional to the counts of classes, as scikit-learn's ``balanced``."""
    total = torch.tensor(counts, dtype=torch.float32)
    return total.sum() / (len(total) * total.clamp(min=1))


def cross_entropy(classes: int, label_smoothing: float, weights: Tensor | None = None) -> Loss:
    """Minus the log of the probability of the right class, weighted by class if there are weights."""

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        outputs = _single(outputs)
        weight = None if weights is None else weights.to(outputs)
        return F.cross_entropy(outputs, targets, weight, label_smoothing=label_smoothing)

    return loss


def focal(classes: int, gamma: float, weights: Tensor | None = None) -> Loss:
    """Cross-entropy times ``(1 - p) ** gamma``, p being the probability of the right class.

    With class weights it is, like cross-entropy, a mean by the weights of the labels.
    """

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        logs = _single(outputs).log_softmax(1)
        soft = shares(targets, logs)
        if weights is not None:
            soft = soft * weights.to(logs)
        # At p = 1 the power has no finite slope for gamma below 1.
        hardness = (1 - logs.exp()).clamp(min=1e-6) ** gamma if gamma else 1.0
        total = -(hardness * soft * logs).sum()
        return total / (len(outputs) if weights is None else soft.sum())

    return loss


def binary_cross_entropy(
    classes: int, label_smoothing: float, reduction: str, target_threshold: float | None = None
) -> Loss:
    """One yes-or-no question per class, averaged or summed over the classes.

    With a threshold, targets above it are 1 and others 0, as in timm's ``BinaryCrossEntropy``.
    """
    scale = classes if reduction == "sum" else 1

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        outputs = _single(outputs)
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
        outputs = _single(outputs)
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


def _single(outputs: Tensor) -> Tensor:
    """Return outputs in at least single precision; half rounds margins, weights and sums over classes."""
    return outputs.float() if outputs.dtype.itemsize < 4 else outputs


def shares(targets: Tensor, outputs: Tensor) -> Tensor:
    """Return targets as shares of the classes, in the outputs' shape and type."""
    if targets.is_floating_point():
        return targets.to(outputs.dtype)
    return F.one_hot(targets, outputs.shape[1]).to(outputs.dtype)
