"""Layers that regularize: dropout, DropConnect, stochastic depth, fractional max pooling."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize


def dropout(p: float) -> nn.Module:
    """Return a dropout layer that scales what it keeps by 1 / (1 - p) in training."""
    return nn.Dropout(p) if p else nn.Identity()


def stochastic_depth(p: float) -> nn.Module:
    """Return a layer that sets a residual branch to zero for an example with probability p."""
    if not p:
        return nn.Identity()
    # Imported here because importing torchvision takes longer than many trainings do.
    from trainables import torchvision_ops  # noqa: F401
    from torchvision.ops import StochasticDepth  # isort: skip

    layer: nn.Module = StochasticDepth(p, "row")
    return layer


def fractional_max_pooling(ratio: float) -> nn.Module:
    """Return a pooling of 2 x 2 regions at random positions, to ``ratio`` times the size."""
    return nn.FractionalMaxPool2d(2, output_ratio=ratio)


class DropWeights(nn.Module):
    """Dropout on a layer's weight, as a parametrization."""

    def __init__(self, p: float):
        super().__init__()
        self.p = p

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight, unchanged in eval mode."""
        return F.dropout(weight, self.p, self.training)


def drop_connect(network: nn.Module, p: float) -> None:
    """Drop weights of every linear and convolution layer but the last while training."""
    layers = [module for module in network.modules() if isinstance(module, nn.Linear | nn.Conv2d)]
    for layer in layers[:-1] if p else ():
        parametrize.register_parametrization(layer, "weight", DropWeights(p))
