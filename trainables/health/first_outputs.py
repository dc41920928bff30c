"""What a network answers before training: nothing is known, so the loss has a value that is known."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from hpo.core.health import HealthCheck
from trainables.health.parts import TrainingParts

DOUBTFUL, WRONG = 2.0, 4.0
"""Factors between the first loss and its expected value."""

ZERO_SUM = 1e-4


def checks(parts: TrainingParts) -> Iterator[HealthCheck]:
    """Yield the checks of the first loss and of the form of the outputs.

    Karpathy, A Recipe for Training Neural Networks, 2019: verify the loss at initialization.
    """
    with torch.no_grad():
        outputs = parts.network(parts.inputs)
        loss = float(parts.loss(outputs, parts.targets))
        nothing = float(parts.loss(torch.zeros_like(outputs), parts.targets))
    yield _first_loss(parts, loss, nothing, outputs.shape[-1])
    yield _form(outputs, parts.targets)


def _first_loss(parts: TrainingParts, loss: float, nothing: float, outputs: int) -> HealthCheck:
    expected, meaning = nothing, "the loss of outputs that are all zero"
    if parts.plain and not parts.targets.is_floating_point():
        expected, meaning = math.log(outputs), f"ln {outputs}"
    elif parts.plain:
        expected, meaning = float(parts.targets.float().square().mean()), "the variance of the targets"
    name, shown = "loss at start", f"{loss:.4g}, expected {expected:.4g} ({meaning})"
    if not math.isfinite(loss):
        return HealthCheck(name, "wrong", shown, "look for a division by zero or an overflow in the loss")
    if loss < 0 or expected <= 0:
        return HealthCheck(name, "wrong", shown, "a loss is never negative: look for a wrong sign")
    factor = loss / expected
    if math.isclose(nothing * len(parts.inputs), expected, rel_tol=0.3):
        return HealthCheck(
            name, "wrong", shown, f"it is averaged twice: divided by the {len(parts.inputs)} examples again"
        )
    if factor < 1 / DOUBTFUL:
        return HealthCheck(name, "wrong", shown, "the loss is scaled down, or the network knows the targets")
    if factor > DOUBTFUL:
        verdict = "wrong" if factor > WRONG else "doubtful"
        advice = "start the last layer with smaller weights, or use another `init`"
        return HealthCheck(name, "wrong" if verdict == "wrong" else "doubtful", shown, advice)
    return HealthCheck(name, "right", shown)


def _form(outputs: Tensor, targets: Tensor) -> HealthCheck:
    name = "outputs"
    if targets.is_floating_point() or outputs.ndim < 2 or outputs.shape[-1] < 2:
        return HealthCheck(name, "right", f"{outputs.shape[-1]} per example, without a softmax")
    sums = outputs.sum(-1)
    if bool((outputs >= 0).all()) and bool(((sums - 1).abs() < ZERO_SUM).all()):
        return HealthCheck(
            name,
            "wrong",
            "each row is non-negative and sums to 1: the outputs are probabilities already",
            "remove the softmax from the network; the loss applies it",
        )
    return HealthCheck(name, "right", f"{outputs.shape[-1]} scores per example, not yet probabilities")
