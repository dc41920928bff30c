"""Layers that a training leaves as they are: their weights and their norms' statistics."""

from __future__ import annotations

from torch import nn


def training_mode(network: nn.Module) -> None:
    """Put a network into training mode, except layers whose parameters are all frozen.

    A frozen batch norm then uses its running statistics and does not change them.
    """
    network.train()
    for module in network.modules():
        parameters = list(module.parameters(recurse=False))
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()
