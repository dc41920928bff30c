"""Random numbers for augmentation: one per image, from the given generator, on the images' device.

Numbers are drawn where the generator lives and then moved, so that a generator on the CPU gives
the same augmentation on every device.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.special import betaincinv
from torch import Tensor

_QUANTILES = 4096


def uniform(
    shape: int | Sequence[int], low: float, high: float, generator: torch.Generator, device: torch.device
) -> Tensor:
    """Numbers from [low, high)."""
    size = (shape,) if isinstance(shape, int) else tuple(shape)
    drawn = torch.rand(size, generator=generator, device=generator.device)
    return drawn.mul_(high - low).add_(low).to(device)


def normal(shape: Sequence[int], generator: torch.Generator, device: torch.device) -> Tensor:
    """Numbers from the standard normal distribution."""
    return torch.randn(tuple(shape), generator=generator, device=generator.device).to(device)


def integers(count: int, end: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """Whole numbers from 0 to end - 1."""
    return torch.randint(end, (count,), generator=generator, device=generator.device).to(device)


def permutation(count: int, generator: torch.Generator, device: torch.device) -> Tensor:
    """The numbers from 0 to count - 1 in random order."""
    return torch.randperm(count, generator=generator, device=generator.device).to(device)


def beta_quantiles(alpha: float) -> Tensor:
    """Quantiles of Beta(alpha, alpha), from which `beta` draws.

    torch's own Beta takes no generator; inverting the distribution needs but one uniform number.
    """
    middles = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    return torch.from_numpy(betaincinv(alpha, alpha, middles).astype(np.float32))


def beta(count: int, quantiles: Tensor, generator: torch.Generator, device: torch.device) -> Tensor:
    """Numbers from the distribution whose `beta_quantiles` are given."""
    drawn = torch.randint(len(quantiles), (count,), generator=generator, device=generator.device)
    return quantiles.to(generator.device)[drawn].to(device)
