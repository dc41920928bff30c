"""The first updates: their size, their direction, and weights that they leave alone."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator

import torch
from torch import Tensor

from hpo.core.health import HealthCheck
from trainables.health.parts import TrainingParts

STEPS = 8
"""Enough for branches that start at zero to pass a gradient on."""

USUAL = (0.001, 0.01)
DOUBTFUL = 10.0
"""Factor beyond the usual ratios; beyond 100 % of a weight's length the update is wrong."""


def checks(parts: TrainingParts, rates: tuple[float, float] = (1.0, 1.0)) -> Iterator[HealthCheck]:
    """Take some steps at the recipe's learning rate and yield what they did to the weights.

    The ratio of the length of an update to that of the weights should be about 0.001 (Karpathy, CS231n
    notes, Neural Networks 3); warm-up and schedule are left out.

    Args:
        parts: Opened for this.
        rates: The lowest and the highest learning rate that are searched, as multiples of the recipe's.
    """
    optimizer = parts.optimizer
    if optimizer is None:
        yield HealthCheck("updates", "open", "the trainable does not show its optimizer")
        return
    named = dict(parts.network.named_parameters())
    start = {name: weight.detach().clone() for name, weight in named.items()}
    slope, before = 0.0, start
    for step in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        parts.loss(parts.network(parts.inputs), parts.targets).backward()  # type: ignore[no-untyped-call]
        before = {name: weight.detach().clone() for name, weight in named.items()}
        gradients = {n: w.grad.clone() for n, w in named.items() if w.grad is not None}
        optimizer.step()
        if not step:
            slope = sum(float((g * (named[n].detach() - before[n])).sum()) for n, g in gradients.items())
    yield _direction(slope)
    yield _size(_ratios(named, before), *rates)
    yield _frozen(parts, named, start)


def _ratios(named: dict[str, torch.nn.Parameter], before: dict[str, Tensor]) -> list[float]:
    ratios = []
    for name, weight in named.items():
        length = float(before[name].norm())
        if weight.ndim > 1 and weight.requires_grad and length > 0:
            ratios.append(float((weight.detach() - before[name]).norm()) / length)
    return ratios


def _direction(slope: float) -> HealthCheck:
    name = "direction"
    if slope > 0:
        return HealthCheck(
            name,
            "wrong",
            "the first step goes up the gradient",
            "look for a reversed sign in the loss, or maximize in the optimizer",
        )
    if slope == 0:
        return HealthCheck(
            name, "wrong", "the first step changes nothing", "check that the optimizer has weights"
        )
    return HealthCheck(name, "right", "the first step goes down the gradient")


def _size(ratios: list[float], lowest: float, highest: float) -> HealthCheck:
    name = "updates"
    if not ratios:
        return HealthCheck(name, "open", "no matrix of weights is trained")
    ratio = statistics.median(ratios)
    low, high = USUAL
    shown = f"{_percent(ratio)} of the weights' length per step (median of the layers), usual 0.1 to 1 %"
    if not math.isfinite(ratio) or lowest * ratio > 1:
        return HealthCheck(name, "wrong", shown, "divide the learning rate by 10 or more")
    if ratio == 0:
        return HealthCheck(name, "wrong", shown, "no layer is updated: check the optimizer's parameters")
    if lowest < highest:
        shown += (
            f"; {_percent(lowest * ratio)} to {_percent(highest * ratio)} over the searched learning rates"
        )
    if lowest * ratio > DOUBTFUL * high:
        return HealthCheck(name, "doubtful", shown, "a smaller learning rate, or gradient clipping")
    if highest * ratio < low / DOUBTFUL:
        return HealthCheck(name, "doubtful", shown, "a larger learning rate")
    return HealthCheck(name, "right", shown)


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.995 else f"{100 * share:,.0f} %"


def _frozen(
    parts: TrainingParts, named: dict[str, torch.nn.Parameter], start: dict[str, Tensor]
) -> HealthCheck:
    name = "trained layers"
    still = [n for n, weight in named.items() if torch.equal(weight.detach(), start[n])]
    if not still:
        return HealthCheck(name, "right", f"all {len(named)} arrays of weights move")
    shown = f"{len(still)} of {len(named)} arrays of weights do not move: {', '.join(still[:4])}"
    shown += " ..." if len(still) > 4 else ""
    if parts.frozen:
        return HealthCheck(name, "right", f"{shown}; the recipe freezes layers")
    return HealthCheck(
        name, "wrong", shown, "check requires_grad, the optimizer's parameters, and units that are all dead"
    )
