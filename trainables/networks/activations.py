"""Activation functions that torch lacks."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BinaryStep(nn.Module):
    """1 where the input is at least zero, otherwise 0; its gradient is zero everywhere."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the step of a tensor of any shape. It stays in the graph, so that its gradient is zero."""
        return (x >= 0).to(x.dtype) + 0 * x


class Arctan(nn.Module):
    """Arc tangent, between -pi/2 and pi/2."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the arc tangent of a tensor of any shape."""
        return torch.atan(x)


class Maxout(nn.Module):
    """The larger of two linear maps of the same inputs (Goodfellow et al., ICML 2013).

    It replaces an activation, so it brings both maps: linear for features in the last dimension, a
    1 x 1 convolution for images.
    """

    needs_channels = True

    def __init__(self, channels: int, layout: str):
        super().__init__()
        images = layout == "images"
        self.maps = nn.Conv2d(channels, 2 * channels, 1) if images else nn.Linear(channels, 2 * channels)
        self.dim = 1 if images else -1

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, h, w] or [..., channels], unchanged in shape."""
        first, second = self.maps(x).chunk(2, self.dim)
        return torch.maximum(first, second)
