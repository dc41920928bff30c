"""Colour operations on batches with one strength per image, and the parts made of them.

Images are float tensors [n, c, h, w] in [0, 1] with one or three channels; factors are [n]. The
definitions are those of ``torchvision.transforms.v2.functional``, whose own versions take one
factor for a whole batch and call torch more often.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.augmentation.geometry import Shape
from trainables.augmentation.random_draws import normal, uniform

_LUMA = (0.2989, 0.587, 0.114)

# Eigenvalues and eigenvectors (columns) of the covariance of ImageNet's training pixels in [0, 1],
# as published with fb.resnet.torch and used by AlexNet's descendants since.
_EIGENVALUES = (0.2175, 0.0188, 0.0045)
_EIGENVECTORS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))


def grey(images: Tensor) -> Tensor:
    """Return the luminance, a tensor [n, 1, h, w]."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.unbind(1)
    return (red * _LUMA[0]).add_(green, alpha=_LUMA[1]).add_(blue, alpha=_LUMA[2])[:, None]


def blend(images: Tensor, others: Tensor | float, factors: Tensor) -> Tensor:
    """``factor * image + (1 - factor) * other``, cut to [0, 1]."""
    weights = factors[:, None, None, None]
    return (images * weights).add_((1 - weights) * others).clamp_(0, 1)


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
    """Blend with a smoothed image, whose outermost pixels are left as they are.

    A smoothed pixel is 5/13 of itself and 1/13 of each of its 8 neighbours.
    """
    if min(images.shape[-2:]) <= 2:
        return images
    rows = (images[:, :, :-2] + images[:, :, 1:-1]).add_(images[:, :, 2:])
    sums = (rows[..., :-2] + rows[..., 1:-1]).add_(rows[..., 2:])
    changed = images.clone()
    inner = changed[:, :, 1:-1, 1:-1]
    inner.add_(sums.sub_(inner, alpha=9).mul_(((1 - factors) / 13)[:, None, None, None]))
    return changed.clamp_(0, 1)


def posterize(images: Tensor, bits: Tensor) -> Tensor:
    """Keep the highest bits, rounded to a whole number, of each pixel as a byte."""
    step = torch.exp2(8 - bits.round())[:, None, None, None]
    return (images * 255).round_().div_(step).floor_().mul_(step / 255)


def solarize(images: Tensor, thresholds: Tensor) -> Tensor:
    """Invert all pixels that are at least as bright as the threshold."""
    return torch.where(images >= thresholds[:, None, None, None], 1 - images, images)


def solarize_add(images: Tensor, amounts: Tensor) -> Tensor:
    """Brighten all pixels below 128 of 255, up to white."""
    dark = (images * 255).round() < 128
    return torch.where(dark, (images + amounts[:, None, None, None]).clamp_(max=1), images)


def auto_contrast(images: Tensor) -> Tensor:
    """Stretch each channel to [0, 1]; a constant channel stays."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    flat = low == high
    scale = (high - low).masked_fill_(flat, 1).reciprocal_()
    return (images - low.masked_fill_(flat, 0)).mul_(scale).clamp_(0, 1)


def equalize(images: Tensor) -> Tensor:
    """Spread the bytes of each channel evenly, by its own lookup table.

    The table is that of Pillow and torchvision, in whole numbers: a value becomes the number of darker
    pixels, in steps of a 255th of all pixels that do not have the brightest value.
    """
    count, pixels = images.shape[0] * images.shape[1], images.shape[2] * images.shape[3]
    first = 256 * torch.arange(count, device=images.device)[:, None]
    # Converts floats to bytes as torchvision does: each byte has an equal share of [0, 1].
    entries = ((images * (256 - 1e-3)).long().view(count, pixels) + first).view(-1)
    histogram = torch.bincount(entries, minlength=256 * count).view(count, 256)
    below = histogram.cumsum(1)
    brightest = histogram.gather(1, below.argmax(1, keepdim=True))
    step = (pixels - brightest).div_(255, rounding_mode="floor")
    below.sub_(histogram).add_(step // 2).div_(step.clamp(min=1), rounding_mode="floor").clamp_(max=255)
    table = torch.where(step > 0, below, torch.arange(256, device=images.device)) / 255
    return table.view(-1).index_select(0, entries).view_as(images)


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
        for change, spread in steps:
            bound = self.strength * spread
            if bound > 0:
                factors = uniform(len(images), 1 - bound, 1 + bound, generator)
                images = change(images, factors.to(images.device))
        return images


@dataclass(frozen=True)
class Lighting:
    """Add a random multiple of each principal component of colours (Krizhevsky et al. 2012).

    Multiples are normal with a standard deviation of ``strength * std`` times the eigenvalue.
    Grey images have one component.

    Attributes:
        components: Eigenvectors times eigenvalues as columns, [channels, channels]; ImageNet's if None.
    """

    shape: Shape
    strength: float
    std: float
    components: Tensor | None = None

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]."""
        components = self.components
        if components is None:
            components = _components(self.shape[0], generator.device)
        components = components.to(generator.device)
        drawn = normal((len(images), components.shape[1]), generator)
        shift = drawn @ components.T * (self.strength * self.std)
        return (images + shift[:, :, None, None].to(images.device)).clamp_(0, 1)


def _components(channels: int, device: torch.device) -> Tensor:
    """Return eigenvectors times eigenvalues as columns, [channels, channels]."""
    vectors = torch.tensor(_EIGENVECTORS, device=device)
    values = torch.tensor(_EIGENVALUES, device=device)
    if channels == 3:
        return vectors * values
    luma = torch.tensor(_LUMA, device=device)
    return (luma @ vectors).pow(2).mul(values).sum().view(1, 1)
