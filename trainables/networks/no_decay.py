"""Parameters that are exempt from weight decay although they are neither biases nor norms."""

from __future__ import annotations

from typing import Any

from torch import nn


def no_decay_names(network: nn.Module, path: str = "") -> set[str]:
    """Return the parameters that a network names in ``no_weight_decay``, such as a class token.

    Args:
        network: Built here, by torchvision or by timm.
        path: Prefix of the network's names inside another network.
    """
    listing: Any = getattr(network, "no_weight_decay", set)
    return {path + name for name in listing()}
