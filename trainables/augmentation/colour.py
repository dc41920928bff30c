"""Colour operations on batches with one strength per image, and the parts made of them.

Images are float tensors [n, c, h, w] in [0, 1] with one or three channels; factors are [n]. The
definitions are those of ``torchvision.transforms.v2.functional``, whose own versions take one
factor for a whole batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.augmentation.draws import normal, uniform
from trainables.augmentation.geometry import Shape

_LUMA = (0.2989, 0.587, 0.114)

# Eigenvalues and eigenvectors (columns) of the covariance of ImageNet's training pixels in [0, 1],
# as published with fb.resnet.torch and used by AlexNet's descendants since.
_EIGENVALUES = (0.2175, 0.0188, 0.0045)
_EIGENVECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))


def grey(images: Tensor) -> Tensor:
    """Luminance: a tensor [n, 1, h, w]."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.unbind(1)
    return (red * _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])[:, None]


def blend(images: Tensor, others: Tensor | float, factors: Tensor) -> Tensor:
    """``factor * image + (1 - factor) * other``, cut to [0, 1]."""
    own = factors[:, None, None, None]
    return (images * own).add_((1 - own) * others).clamp_(0, 1)


def brightness(images: Tensor, factors: Tensor) -> Tensor:
    """Blend with black; a factor of 1 changes nothing."""
    return (images * factors[:, None, None, None]).clamp_(0, 1)


def contrast(images: Tensor, factors: Tensor) -> Tensor:
    """Blend with the image's mean luminance; a factor of 1 changes nothing."""
    return blend(images, grey(images).mean((1, 2, 3), keepdim=True), factors)


def saturation(images: Tensor, factors: Tensor) -> Tensor:
    """Blend with the grey image; grey images stay as they are."""
    return images if images.shape[1] == 1 else blend(images, grey(images), factors)


def sharpness(images: Tensor, factors: Tensor) -> Tensor:
    """Blend with a smoothed image, whose outermost pixels are the image's own."""
    if min(images.shape[-2:]) <= 2:
        return images
    rows = images[:, :, :-2] + images[:, :, 1:-1] + images[:, :, 2:]
    sums = rows[..., :-2] + rows[..., 1:-1] + rows[..., 2:]
    smooth = images.clone()
    smooth[:, :, 1:-1, 1:-1].mul_(4 / 13).add_(sums, alpha=1 / 13)
    return blend(images, smooth, factors)


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Keep the highest bits, rounded to a whole number, of each pixel as a byte."""
    step = torch.exp2(8 - bits.round())[:, None, None, None]
    return (images * 255).round_().div_(step).floor_().mul_(step).div_(255)


def solarize(images: Tensor, thresholds: Tensor) -> Tensor:
    """Invert all pixels that are at least as bright as the threshold."""
    return torch.where(images >= thresholds[:, None, None, None], 1 - images, images)


@dataclass(frozen=True)
class ColorJitter:
    """Random brightness, contrast and saturation factors within ± ``strength`` times the given."""

    shape: Shape
    strength: float
    brightness: float
    contrast: float
    saturation: float

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]."""
        steps = ((brightness, self.brightness), (contrast, self.contrast), (saturation, self.saturation))
        for change, reach in steps:
            bound = self.strength * reach
            if bound > 0:
                factors = uniform(len(images), 1 - bound, 1 + bound, generator)
                images = change(images, factors.to(images.device))
        return images


@dataclass(frozen=True)
class Lighting:
    """Add a random multiple of each principal component of natural colours (Krizhevsky et al. 2012).

    Multiples are normal with a standard deviation of ``strength * std`` times the eigenvalue.
    A grey image is shifted by the one component that grey pixels have.
    """

    shape: Shape
    strength: float
    std: float

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]."""
        components = _components(self.shape[0], generator.device)
        drawn = normal((len(images), components.shape[1]), generator)
        shift = drawn @ components.T * (self.strength * self.std)
        return (images + shift[:, :, None, None].to(images.device)).clamp_(0, 1)


def _components(channels: int, device: torch.device) -> Tensor:
    """Eigenvectors times eigenvalues as columns, [channels, channels]."""
    vectors = torch.tensor(_EIGENVECTORS, device=device)
    values = torch.tensor(_EIGENVALUES, device=device)
    if channels == 3:
        return vectors * values
    luma = torch.tensor(_LUMA, device=device)
    return (luma @ vectors).pow(2).mul(values).sum().view(1, 1)
