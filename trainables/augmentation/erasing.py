"""Parts that blank a rectangle of each image."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.augmentation.geometry import Shape
from trainables.augmentation.random_draws import chance, normal, uniform

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of its training pixels."""


@dataclass(frozen=True)
class Cutout:
    """Blank a square whose centre is anywhere in the image (DeVries and Taylor 2017).

    Its side is ``strength * size`` of the image's short side, in whole pixels. It may extend beyond
    the edge, so that less is blanked.
    """

    shape: Shape
    strength: float
    size: float
    fill: str

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]."""
        _, height, width = self.shape
        count = len(images)
        side = round(self.strength * self.size * min(height, width))
        centres = uniform((count, 2), 0, 1, generator)
        left = (centres[:, 0] * width).floor() - side // 2
        top = (centres[:, 1] * height).floor() - side // 2
        inside = box(left, top, left + side, top + side, self.shape)
        return erase(images, inside, self.fill, generator)


@dataclass(frozen=True)
class RandomErasing:
    """Blank a rectangle inside the image with probability ``strength * p`` (Zhong et al. 2020).

    Its area is uniform between two shares of the image (in either order), the logarithm of its
    aspect in ± ``log(ratio)``. Ten rectangles are drawn per image and the first that fits is used;
    if none fits, the image stays as it is.
    """

    shape: Shape
    strength: float
    p: float
    smallest: float
    largest: float
    ratio: float
    fill: str

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]."""
        _, height, width = self.shape
        count = len(images)
        on = chance(count, self.strength * self.p, generator)
        low, high = sorted((self.smallest, self.largest))
        area = uniform((count, 10), low, high, generator) * (height * width)
        bound = math.log(self.ratio)
        aspect = uniform((count, 10), -bound, bound, generator).exp()
        tall, wide = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
        fits = (tall <= height) & (wide <= width)
        first = fits.to(torch.uint8).argmax(1, keepdim=True)
        tall, wide = tall.gather(1, first)[:, 0], wide.gather(1, first)[:, 0]
        position = uniform((count, 2), 0, 1, generator)
        top = (position[:, 0] * (height - tall + 1)).floor()
        left = (position[:, 1] * (width - wide + 1)).floor()
        inside = box(left, top, left + wide, top + tall, self.shape)
        return erase(images, inside & (on & fits.any(1))[:, None, None, None], self.fill, generator)


def box(left: Tensor, top: Tensor, right: Tensor, bottom: Tensor, shape: Shape) -> Tensor:
    """Return which pixels lie in a box per image, its ends excluded: a tensor [n, 1, h, w]."""
    _, height, width = shape
    x = torch.arange(width, device=left.device)
    y = torch.arange(height, device=left.device)
    across = (x >= left[:, None]) & (x < right[:, None])
    down = (y >= top[:, None]) & (y < bottom[:, None])
    return (down[:, :, None] & across[:, None, :])[:, None]


def erase(images: Tensor, inside: Tensor, fill: str, generator: torch.Generator) -> Tensor:
    """Blank pixels with black, the image's mean colour, uniform or normal noise.

    Normal noise is standard normal once ImageNet's mean and standard deviation are taken off, as where
    erasing follows that preprocessing; it can lie outside of [0, 1].
    """
    inside = inside.to(images.device)
    if fill == "zero":
        return images.masked_fill(inside, 0.0)
    if fill == "mean":
        return torch.where(inside, images.mean((2, 3), keepdim=True), images)
    if fill == "normal":
        colour = [torch.tensor(values)[:, None, None] for values in IMAGENET]
        if images.shape[1] != 3:
            colour = [values.mean() for values in colour]
        noise = normal(images.shape, generator).mul_(colour[1]).add_(colour[0])
        return torch.where(inside, noise.to(images.device), images)
    return torch.where(inside, uniform(images.shape, 0, 1, generator).to(images.device), images)
