"""What counts as a network's weights wherever they are kept small: by decay, a penalty or a limit."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from trainables.networks.no_decay import spared

LENGTH = "parametrizations.weight.original0"
DIRECTION = "parametrizations.weight.original1"
"""Ends of the names that torch gives to the two parameters of a weight under weight norm."""


def named_weights(network: nn.Module) -> dict[str, nn.Parameter]:
    """Trained parameters by name but for biases, scales of norms, and what the network spares.

    Under weight norm a layer's weight is W = g v / |v|, row by row: of its length g and its
    direction v, both are here.
    """
    apart = spared(network)
    return {
        name: parameter
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and parameter.ndim >= 2 and name not in apart
    }


class Weights:
    """The weights of a network as its layers use them.

    Args:
        network: Built to the end; layers that are parametrized later are not noticed.

    Attributes:
        lengths: Parameters whose rows are as long as the weights' rows: the weights themselves, or
            their lengths under weight norm.
    """

    def __init__(self, network: nn.Module):
        named = named_weights(network)
        self.lengths = [each for name, each in named.items() if not name.endswith(DIRECTION)]
        self._plain = [each for name, each in named.items() if not name.endswith((LENGTH, DIRECTION))]
        self._normed: list[Any] = [
            network.get_submodule(name.removesuffix(LENGTH).rstrip(".")).parametrizations["weight"]  # type: ignore[index]
            for name in named
            if name.endswith(LENGTH)
        ]

    def effective(self) -> list[Tensor]:
        """What the layers multiply by, before DropConnect; gradients reach what it is made of."""
        # Weight norm comes first, as it is put on first.
        return [*self._plain, *(each[0](each.original0, each.original1) for each in self._normed)]
