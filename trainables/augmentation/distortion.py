"""Distortions that cannot be written as a matrix: displacement fields, added to the resampling."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.augmentation.geometry import Shape, pixel_centres
from trainables.augmentation.random_draws import uniform


@dataclass(frozen=True)
class Elastic:
    """Displace every pixel by a smooth random field (Simard et al. 2003).

    Uniform noise in [-1, 1) is smoothed by a Gaussian of ``sigma`` pixels, mirrored at the edges,
    and multiplied by ``strength * alpha`` pixels.
    """

    shape: Shape
    strength: float
    alpha: float
    sigma: float

    def displacement(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw one field per image; see `Distortion`."""
        _, height, width = self.shape
        noise = uniform((count, 2, height, width), -1, 1, generator)
        smooth = (
            smoothing(height, self.sigma, generator.device)
            @ noise
            @ smoothing(width, self.sigma, generator.device).T
        )
        return smooth * (self.strength * self.alpha)


def smoothing(size: int, sigma: float, device: torch.device) -> Tensor:
    """Return the Gaussian filter of a line as a matrix [size, size], with mirrored edges.

    Two products with it smooth a whole batch, several times faster than a convolution.
    """
    reach = int(4 * sigma + 0.5)
    offsets = torch.arange(-reach, reach + 1, device=device)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    weights = weights / weights.sum()
    rows = torch.arange(size, device=device)[:, None]
    folded = (rows + offsets) % (2 * size)
    columns = torch.where(folded < size, folded, 2 * size - 1 - folded)
    return torch.zeros(size, size, device=device).scatter_add_(1, columns, weights.expand(size, -1))


@dataclass(frozen=True)
class Lens:
    """Bend the image like a lens: read at radius r * (1 + k * r²), where r is 1 in the corners.

    The coefficient is uniform in ± ``strength * k``: positive is barrel, negative pincushion.
    """

    shape: Shape
    strength: float
    k: float

    def displacement(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw one field per image; see `Distortion`."""
        _, height, width = self.shape
        x, y = pixel_centres(height, width, generator.device)
        positions = torch.stack((x.expand(height, width), y.expand(height, width)))
        square = positions.pow(2).sum(0) / ((height / 2) ** 2 + (width / 2) ** 2)
        coefficient = uniform(count, -self.strength * self.k, self.strength * self.k, generator)
        return coefficient[:, None, None, None] * (positions * square)
