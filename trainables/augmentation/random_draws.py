"""Random numbers for augmentation, all from the given generator and on its device.

What is drawn per image is small and is computed on the generator's device; only what touches pixels
is moved to theirs. So a generator on the CPU gives the same augmentation on every device, and the
CPU never waits for a GPU.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy.special import betaincinv
from torch import Tensor

_QUANTILES = 4096


def uniform(shape: int | Sequence[int], low: float, high: float, generator: torch.Generator) -> Tensor:
    """Return numbers from [low, high)."""
    drawn = torch.rand(shape, generator=generator, device=generator.device)
    return drawn if (low, high) == (0, 1) else drawn.mul_(high - low).add_(low)


def chance(shape: int | Sequence[int], p: float | Tensor, generator: torch.Generator) -> Tensor:
    """Return booleans that are true with probability p: never at 0, always from 1 on."""
    return torch.rand(shape, generator=generator, device=generator.device) < p


def normal(shape: int | Sequence[int], generator: torch.Generator) -> Tensor:
    """Return numbers from the standard normal distribution."""
    return torch.randn(shape, generator=generator, device=generator.device)


def integers(shape: int | Sequence[int], end: int, generator: torch.Generator) -> Tensor:
    """Return whole numbers from 0 to end - 1."""
    size = (shape,) if isinstance(shape, int) else tuple(shape)
    return torch.randint(end, size, generator=generator, device=generator.device)


def permutation(count: int, generator: torch.Generator) -> Tensor:
    """Return the numbers from 0 to count - 1 in random order."""
    return torch.randperm(count, generator=generator, device=generator.device)


def beta_quantiles(alpha: float) -> Tensor:
    """Return quantiles of Beta(alpha, alpha), from which `beta` draws.

    torch's own Beta does not take a generator; inverting the distribution needs one uniform number.
    """
    middles = (np.arange(_QUANTILES) + 0.5) / _QUANTILES
    return torch.from_numpy(betaincinv(alpha, alpha, middles).astype(np.float32))


def beta(count: int, quantiles: Tensor, generator: torch.Generator) -> Tensor:
    """Return numbers from the distribution whose `beta_quantiles` are given."""
    return quantiles.to(generator.device)[integers(count, len(quantiles), generator)]
