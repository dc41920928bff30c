"""Backward against numerical gradients, in double precision."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from hpo.core.health import HealthCheck
from trainables.health.parts import TrainingParts

STEP = 1e-6
RIGHT, WRONG = 1e-4, 1e-2
"""Relative differences; a kink of a relu within the step costs some digits."""

EXAMPLES = 16
DIRECTIONS = 3
"""Random directions through all weights, besides one through each layer."""

LAYERS = 30
NAME = "gradients"


def check(parts: TrainingParts) -> HealthCheck:
    """Compare the slope of the loss along random directions with what backward gives.

    Directional central differences, as in Goodfellow et al., Deep Learning, 2016, 11.5. Batch norms use
    their stored statistics and nothing is dropped, so that the loss is the same at each call.
    """
    network = parts.network.double().eval()
    inputs, targets = parts.inputs[:EXAMPLES].double(), parts.targets[:EXAMPLES]
    targets = targets.double() if targets.is_floating_point() else targets
    weights = [p for p in network.parameters() if p.requires_grad]
    if not weights:
        return HealthCheck(NAME, "wrong", "no parameter is trained", "set requires_grad for the parameters")

    def loss() -> Tensor:
        return parts.loss(network(inputs), targets)

    network.zero_grad(set_to_none=True)
    loss().backward()  # type: ignore[no-untyped-call]
    gradients = [weight.grad if weight.grad is not None else torch.zeros_like(weight) for weight in weights]
    return _judged([_slopes(loss, weights, gradients, chosen) for chosen in _chosen(weights)])


def _chosen(weights: Sequence[Tensor]) -> list[list[int]]:
    """Return the weights that move in each direction: all, and each of them alone."""
    every = list(range(len(weights)))
    single = every[:: math.ceil(len(every) / LAYERS)]
    return [every] * DIRECTIONS + [[index] for index in single]


def _slopes(
    loss: Callable[[], Tensor], weights: Sequence[Tensor], gradients: Sequence[Tensor], chosen: list[int]
) -> tuple[float, float]:
    """Return the slope along a random direction, by backward and by differences."""
    directions = {index: torch.randn_like(weights[index]) for index in chosen}
    length = math.sqrt(sum(float(d.square().sum()) for d in directions.values())) or 1.0
    backward = sum(float((gradients[i] * d).sum()) for i, d in directions.items()) / length
    values = []
    with torch.no_grad():
        for sign in (1, -2):
            for index, direction in directions.items():
                weights[index].add_(direction, alpha=sign * STEP / length)
            values.append(float(loss()))
        for index, direction in directions.items():
            weights[index].add_(direction, alpha=STEP / length)
    return backward, (values[0] - values[1]) / (2 * STEP)


def _judged(pairs: Sequence[tuple[float, float]]) -> HealthCheck:
    scale = max(max(abs(a), abs(b)) for a, b in pairs)
    if scale == 0:
        return HealthCheck(
            NAME,
            "wrong",
            "all gradients are zero",
            "the loss does not depend on the weights; look for a detach",
        )
    if not math.isfinite(scale):
        return HealthCheck(
            NAME, "wrong", "a gradient is not finite", "look for a division by zero or a log of 0"
        )
    differences = [abs(a - b) / max(abs(a), abs(b), 1e-3 * scale) for a, b in pairs]
    worst = max(differences)
    shown = f"differ from numerical ones by {worst:.1g} of their size at most, in double precision"
    if worst < RIGHT:
        return HealthCheck(NAME, "right", shown)
    opposite = sum(a * b < 0 for a, b in pairs[:DIRECTIONS]) == DIRECTIONS
    if worst >= WRONG and opposite:
        return HealthCheck(
            NAME,
            "wrong",
            "backward gives the opposite sign of numerical gradients",
            "look for a reversed sign",
        )
    verdict = "wrong" if worst >= WRONG else "doubtful"
    advice = "check the backward of your own functions, in-place changes and hooks"
    return HealthCheck(NAME, "wrong" if verdict == "wrong" else "doubtful", shown, advice)
