"""Multilayer perceptron."""

from __future__ import annotations

import math

from torch import nn

from trainables.networks.layer_choices import LayerChoices, sequence


def mlp(shape: tuple[int, ...], outputs: int, choices: LayerChoices, depth: int, width: int) -> nn.Sequential:
    """Hidden layers of one width: linear, norm, activation, dropout; then a linear head.

    Args:
        shape: Shape of one example; it is flattened.
        outputs: Outputs per example.
        choices: Builds norms, activations and dropout.
        depth: Hidden layers.
        width: Units of a hidden layer.
    """
    stages: list[nn.Module] = [nn.Flatten()]
    features = math.prod(shape)
    for _ in range(depth):
        stages.append(
            sequence(
                nn.Linear(features, width),
                choices.norm(width),
                choices.activation(width),
                choices.dropout(),
            )
        )
        features = width
    return nn.Sequential(*stages, nn.Linear(features, outputs))
