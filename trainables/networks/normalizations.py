"""Normalization layers, for images [n, channels, h, w] and for features in the last dimension.

Every builder takes the number of channels, whether the layer is given images, and the part's own
hyperparameters.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def none(channels: int, images: bool) -> nn.Module:
    """No layer."""
    return nn.Identity()


def batch_norm(channels: int, images: bool, eps: float, momentum: float) -> nn.Module:
    """Per channel over the batch, and over the image; running statistics in eval mode."""
    if images:
        return nn.BatchNorm2d(channels, eps, momentum)
    return nn.BatchNorm1d(channels, eps, momentum)


def layer_norm(channels: int, images: bool, eps: float) -> nn.Module:
    """Over all features of an example (one group of all channels, for images)."""
    return nn.GroupNorm(1, channels, eps) if images else nn.LayerNorm(channels, eps)


def instance_norm(channels: int, images: bool, eps: float) -> nn.Module:
    """Per image and channel; of a single number nothing would be left, so features pass."""
    return nn.InstanceNorm2d(channels, eps, affine=True) if images else nn.Identity()


def group_norm(channels: int, images: bool, groups: int, eps: float) -> nn.Module:
    """Per example over groups of channels; the largest divisor of ``channels`` up to ``groups``."""
    return nn.GroupNorm(divisor(channels, groups), channels, eps)


def decorrelated_batch_norm(
    channels: int, images: bool, group_size: int, iterations: int, eps: float, momentum: float
) -> nn.Module:
    """Whitened over the batch in groups of channels."""
    return DecorrelatedBatchNorm(channels, divisor(channels, group_size), iterations, eps, momentum)


def divisor(number: int, at_most: int) -> int:
    """The largest divisor of a number that is not above the given one."""
    return max(d for d in range(1, min(number, at_most) + 1) if number % d == 0)


class DecorrelatedBatchNorm(nn.Module):
    """Whitens groups of channels together, so that each batch has covariance one.

    Huang et al., CVPR 2018, with the inverse square root by Newton's iteration of Huang et al.,
    CVPR 2019, whose gradient stays finite where eigenvalues are alike.

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
        grouped = x.transpose(0, 1).reshape(self.groups, self.group_size, -1)
        if self.training:
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
        for _ in range(self.iterations):
            root = 1.5 * root - 0.5 * root @ root @ root @ matrix
        return root / trace.sqrt()
