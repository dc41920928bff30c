"""Parameters that are exempt from weight decay although they are neither biases nor norms."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

from torch import nn


def no_decay_names(network: nn.Module, path: str = "") -> set[str]:
    """Return the parameters that a network names in ``no_weight_decay``, such as a class token.

    As timm reads them, names are patterns: ``pos_embed.*`` are all parameters of that module.

    Args:
        network: Built here, by torchvision or by timm.
        path: Prefix of the network's names inside another network.
    """
    listing: Any = getattr(network, "no_weight_decay", set)
    patterns = listing()
    return {
        path + name
        for name, _ in network.named_parameters()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    }
