"""The fast memory layout of convolutions: the channels of a pixel side by side.

On a CPU a training step takes a fifth to a third less time this way than with one plane per channel.
There is one exception: in this layout, the backward pass of torch 2.13's 1 x 1 convolutions with a
stride writes past the end of its memory if the channels it reads do not fill whole vectors of 16
numbers, and the process eventually crashes. Networks with such a convolution get planes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

VECTOR = 16
"""Single-precision numbers in the widest vector of a CPU."""


def by_pixel(images: Tensor) -> Tensor:
    """Return the same images [n, c, h, w] with the channels of a pixel side by side in memory.

    With one channel the two layouts differ only in the strides, but torch relies on those and does not
    change them when asked for ``channels_last``.
    """
    if images.shape[1] == 1:
        return images[:, 0].contiguous()[..., None].permute(0, 3, 1, 2)
    return images.contiguous(memory_format=torch.channels_last)


def takes_pixels(network: nn.Module) -> bool:
    """Return whether every convolution of a network can be trained on images that are `by_pixel`."""
    layers = (module for module in network.modules() if isinstance(module, nn.Conv2d))
    return not any(_skips_pixels(layer) and layer.in_channels % VECTOR for layer in layers)


def _skips_pixels(layer: nn.Conv2d) -> bool:
    return layer.kernel_size == (1, 1) and max(layer.stride) > 1
