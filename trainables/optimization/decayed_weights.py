"""The weights of a network that decay, penalties and limits keep small."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from trainables.networks.no_decay import no_decay_names

LENGTH = "parametrizations.weight.original0"
DIRECTION = "parametrizations.weight.original1"
"""Ends of the names that torch gives to the two parameters of a weight under weight norm."""


def named_weights(network: nn.Module) -> dict[str, nn.Parameter]:
    """Return trained parameters by name, except biases, scales of norms and what the network exempts.

    Under weight norm a layer's weight is W = g v / |v|, row by row; its length g and its direction v
    are both included.
    """
    no_decay = no_decay_names(network)
    return {
        name: parameter
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and parameter.ndim >= 2 and name not in no_decay
    }


class Weights:
    """The weights of a network as its layers use them.

    Args:
        network: Completely built; layers that are parametrized later are not noticed.

    Attributes:
        lengths: Parameters whose rows have the lengths of the weights' rows: the weights themselves,
            or their lengths under weight norm.
    """

    def __init__(self, network: nn.Module):
        named = named_weights(network)
        self.lengths = [parameter for name, parameter in named.items() if not name.endswith(DIRECTION)]
        self._plain = [
            parameter for name, parameter in named.items() if not name.endswith((LENGTH, DIRECTION))
        ]
        self._normed: list[Any] = [
            network.get_submodule(name.removesuffix(LENGTH).rstrip(".")).parametrizations["weight"]  # type: ignore[index]
            for name in named
            if name.endswith(LENGTH)
        ]

    def effective(self) -> list[Tensor]:
        """Return what the layers multiply by, before DropConnect; gradients reach the parameters."""
        # Weight norm comes first because it is registered first.
        return [
            *self._plain,
            *(parameter[0](parameter.original0, parameter.original1) for parameter in self._normed),
        ]
