"""Which parameters of a network are not decayed though they are no biases and no norms."""

from __future__ import annotations

from typing import Any

from torch import nn


def spared(network: nn.Module, path: str = "") -> set[str]:
    """Parameters that a network names in ``no_weight_decay``, such as a class token.

    Args:
        network: One of ours, of torchvision's or timm's.
        path: Where it is inside another network, before the names.
    """
    ask: Any = getattr(network, "no_weight_decay", set)
    return {path + name for name in ask()}
