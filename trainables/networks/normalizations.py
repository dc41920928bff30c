"""Normalization layers for three layouts.

``features`` are [n, channels], ``images`` [n, channels, height, width], ``tokens``
[n, tokens, channels]. Every builder takes the number of channels, the layout, and the part's own
hyperparameters.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Layout = Literal["features", "images", "tokens"]

ALONE = "Expected more than 1 value per channel"
"""Start of the error message of torch's batch norms, and of these, for a single value per channel."""


class ChannelsSecond(nn.Module):
    """Passes tokens [n, tokens, channels] to a layer that takes [n, channels, tokens].

    Args:
        layer: Any layer that keeps the shape.
    """

    def __init__(self, layer: nn.Module):
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        """[n, tokens, channels], unchanged in shape."""
        outputs: Tensor = self.layer(x.transpose(1, 2)).transpose(1, 2)
        return outputs


def _for(layout: Layout, layer: nn.Module) -> nn.Module:
    return ChannelsSecond(layer) if layout == "tokens" else layer


def auto(channels: int, layout: Layout) -> nn.Module:
    """Batch norm for images, layer norm for tokens, nothing for features."""
    if layout == "features":
        return nn.Identity()
    return nn.BatchNorm2d(channels) if layout == "images" else nn.LayerNorm(channels)


def none(channels: int, layout: Layout) -> nn.Module:
    """No layer."""
    return nn.Identity()


def batch_norm(channels: int, layout: Layout, eps: float, momentum: float) -> nn.Module:
    """Per channel over batch and positions; running statistics in eval mode."""
    kind = nn.BatchNorm2d if layout == "images" else nn.BatchNorm1d
    return _for(layout, kind(channels, eps, momentum))


def layer_norm(channels: int, layout: Layout, eps: float) -> nn.Module:
    """Over all features of an example, or of a token."""
    return nn.GroupNorm(1, channels, eps) if layout == "images" else nn.LayerNorm(channels, eps)


def instance_norm(channels: int, layout: Layout, eps: float) -> nn.Module:
    """Per example and channel over positions; features have a single position and stay as they are."""
    return nn.Identity() if layout == "features" else _for(layout, InstanceNorm(channels, eps))


def group_norm(channels: int, layout: Layout, groups: int, eps: float) -> nn.Module:
    """Per example over groups of channels; the largest divisor of ``channels`` up to ``groups``."""
    return _for(layout, nn.GroupNorm(divisor(channels, groups), channels, eps))


def decorrelated_batch_norm(
    channels: int, layout: Layout, group_size: int, iterations: int, eps: float, momentum: float
) -> nn.Module:
    """Whitened over batch and positions in groups of channels."""
    size = divisor(channels, group_size)
    return _for(layout, DecorrelatedBatchNorm(channels, size, iterations, eps, momentum))


def divisor(number: int, at_most: int) -> int:
    """Return the largest divisor of a number up to a limit."""
    return max(d for d in range(1, min(number, at_most) + 1) if number % d == 0)


class InstanceNorm(nn.Module):
    """Instance norm that skips inputs with a single position, which it would reduce to zero.

    Args:
        channels: Channels of the input, its second dimension.
        eps: Added to the variance.
    """

    def __init__(self, channels: int, eps: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, ...], unchanged in shape."""
        if x.shape[2:].numel() == 1:
            return x
        return F.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)


class DecorrelatedBatchNorm(nn.Module):
    """Whitens groups of channels together, so that each batch has covariance one.

    Huang et al., CVPR 2018, with the inverse square root by Newton's iteration of Huang et al.,
    CVPR 2019, whose gradient stays finite when eigenvalues are equal.

    Args:
        channels: Channels of the input, its second dimension.
        group_size: Channels whitened together; must divide ``channels``.
        iterations: Newton steps.
        eps: Added to the diagonal of the covariance.
        momentum: Weight of a new batch in the running mean and covariance of eval mode.
    """

    running_mean: Tensor
    running_covariance: Tensor

    def __init__(self, channels: int, group_size: int, iterations: int, eps: float, momentum: float):
        super().__init__()
        self.groups, self.group_size = channels // group_size, group_size
        self.iterations, self.eps, self.momentum = iterations, eps, momentum
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(self.groups, group_size, 1))
        self.register_buffer("running_covariance", torch.eye(group_size).repeat(self.groups, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, ...], unchanged in shape."""
        half = x.dtype in (torch.bfloat16, torch.float16)
        with torch.autocast(x.device.type, enabled=False):  # a covariance needs single precision
            return self._whitened(x.float() if half else x).to(x.dtype)

    def _whitened(self, x: Tensor) -> Tensor:
        grouped = x.transpose(0, 1).reshape(self.groups, self.group_size, -1)
        if self.training:
            if grouped.shape[2] == 1:
                raise ValueError(f"{ALONE} when training, got input size {x.shape}")
            mean = grouped.mean(2, keepdim=True)
            centred = grouped - mean
            covariance = centred @ centred.transpose(1, 2) / grouped.shape[2]
            self._remember(mean, covariance)
        else:
            centred, covariance = grouped - self.running_mean, self.running_covariance
        white = self._inverse_square_root(covariance) @ centred
        white = white.reshape(x.shape[1], x.shape[0], *x.shape[2:]).transpose(0, 1)
        shape = (1, -1) + (1,) * (x.dim() - 2)
        return white * self.weight.view(shape) + self.bias.view(shape)

    @torch.no_grad()
    def _remember(self, mean: Tensor, covariance: Tensor) -> None:
        self.running_mean.lerp_(mean, self.momentum)
        self.running_covariance.lerp_(covariance, self.momentum)

    def _inverse_square_root(self, covariance: Tensor) -> Tensor:
        unit = torch.eye(self.group_size, dtype=covariance.dtype, device=covariance.device)
        matrix = covariance + self.eps * unit
        trace = matrix.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]
        matrix, root = matrix / trace, unit
        # The coupled form; the shorter one is unstable in single precision.
        for _ in range(self.iterations):
            turn = 1.5 * unit - 0.5 * root @ matrix
            matrix, root = matrix @ turn, turn @ root
        return root / trace.sqrt()
