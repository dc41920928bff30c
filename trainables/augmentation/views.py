"""Views of a test image whose predictions are averaged: mirrored, cropped, at several scales.

A view is a box of the image, mirrored or not, resized to the full size, so that every model accepts
it. Do not use views if they can change the label: a mirrored 2 is not a 2, and a corner may not show
the object.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from trainables.augmentation.geometry import Shape, identity, resample
from trainables.data.originals import ScaledBox

_CENTRE = ((0.0, 0.0),)
_CORNERS = ((-0.5, -0.5), (0.5, -0.5), (-0.5, 0.5), (0.5, 0.5))


@dataclass(frozen=True)
class View:
    """One way of looking at an image.

    Attributes:
        ratio: Side of the box, share of the image's.
        position: Of the box, x and y from -0.5 (left, top) to 0.5.
        mirrored: Whether left and right are exchanged.
    """

    ratio: float = 1.0
    position: tuple[float, float] = (0.0, 0.0)
    mirrored: bool = False

    def of_original(self, images: Tensor, size: tuple[int, int], bicubic: bool = False) -> Tensor:
        """Return this view of stored images [b, c, h, w], in a size [height, width].

        The image is resized to ``size / ratio`` and cropped, as torchvision's ``Resize`` and
        ``CenterCrop`` do it: 256 and 224 pixels at a ratio of 0.875.
        """
        whole = (round(size[0] / self.ratio), round(size[1] / self.ratio))
        top, left = (
            round((n - m) * (p + 0.5)) for n, m, p in zip(whole, size, self.position[::-1], strict=True)
        )
        if whole[0] > images.shape[2] and whole[1] > images.shape[3] and not bicubic:
            cropped = _magnified(images, whole, (top, left), size)
        else:
            cropped = resized(images, whole, bicubic)[:, :, top : top + size[0], left : left + size[1]]
        return cropped.flip(3) if self.mirrored else cropped

    def cut(self, stored: tuple[int, int], size: tuple[int, int]) -> ScaledBox:
        """Return how this view, not mirrored, is cut from an image in its own size.

        Its shorter side is resized to ``size / ratio``, rounded down as in timm.

        Args:
            stored: Height and width of the image.
            size: Of the view.
        """
        height, width = (int(side / self.ratio + 1e-6) for side in size)
        whole = covering(stored, (height, width))
        top, left = (
            round((n - m) * (p + 0.5)) for n, m, p in zip(whole, size, self.position[::-1], strict=True)
        )
        return ScaledBox(whole[::-1], (left, top, left + size[1], top + size[0]))

    def of(self, images: Tensor) -> Tensor:
        """Return this view of images [b, c, h, w]; the whole image is returned as it is."""
        if self.ratio == 1.0:
            return images.flip(3) if self.mirrored else images
        height, width = images.shape[-2:]
        matrix = identity(1, images.device)
        matrix[:, :2] *= self.ratio
        matrix[:, 0, 2] = self.position[0] * (1 - self.ratio) * width
        matrix[:, 1, 2] = self.position[1] * (1 - self.ratio) * height
        if self.mirrored:
            matrix[:, 0, 0] *= -1
        return resample(images, matrix.expand(len(images), 3, 3), border="border")


def resized(images: Tensor, size: tuple[int, int], bicubic: bool = False) -> Tensor:
    """Return images [b, c, h, w] in a size [height, width]; filters cover all pixels that one stands for."""
    if images.shape[2:] == size:
        return images
    mode = "bicubic" if bicubic else "bilinear"
    return functional.interpolate(images, size, mode=mode, antialias=True).clamp_(0, 1)


def covering(stored: tuple[int, int], size: tuple[int, int]) -> tuple[int, int]:
    """Return height and width of an image that was resized to cover a size, with its aspect.

    One side is that of ``size``, the other one is rounded down: for a square, torchvision's ``Resize``.
    """
    (height, width), (least_height, least_width) = stored, size
    if width * least_height >= height * least_width:
        return least_height, max(least_width, least_height * width // height)
    return max(least_height, least_width * height // width), least_width


def _magnified(
    images: Tensor, whole: tuple[int, int], corner: tuple[int, int], size: tuple[int, int]
) -> Tensor:
    """Return a box of images as if they had been enlarged to ``whole``, without the rest of it in memory."""
    theta = torch.zeros(len(images), 2, 3, device=images.device, dtype=images.dtype)
    for axis, across in ((0, 1), (1, 0)):  # x is the second size
        share = size[across] / whole[across]
        theta[:, axis, axis] = share
        theta[:, axis, 2] = 2 * corner[across] / whole[across] - 1 + share
    grid = functional.affine_grid(theta, [len(images), images.shape[1], *size], align_corners=False)
    return functional.grid_sample(images, grid, "bilinear", "border", align_corners=False)


@dataclass(frozen=True)
class Views:
    """All views of an image.

    Attributes:
        views: At least one.
        size: Height and width of the views of stored images; None to take them from resized ones.
    """

    views: tuple[View, ...]
    size: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.views)

    def __call__(self, images: Tensor, bicubic: bool = False) -> Iterator[Tensor]:
        """Yield every view of images [b, c, h, w], each [b, c, h, w]."""
        for view in self.views:
            yield view.of(images) if self.size is None else view.of_original(images, self.size, bicubic)


WHOLE = Views((View(),))
"""The whole image; of an image in its own size, the largest central part with the aspect of the view."""


class Widening(Protocol):
    """A part of ``test_augment``."""

    def extend(self, views: tuple[View, ...]) -> tuple[View, ...]:
        """Multiply or change the views so far."""
        ...


def combine(parts: Sequence[Widening], size: tuple[int, int] | None = None) -> Views:
    """Return all views that several parts make together, without duplicates."""
    views: tuple[View, ...] = (View(),)
    scaled = any(isinstance(part, ScaledViews) for part in parts)
    for part in parts:
        # At several scales, the scale alone decides how large a crop is.
        crops = replace(part, ratio=1.0) if scaled and isinstance(part, FiveCrops) else part
        views = crops.extend(views)
    whole = (View(v.ratio, v.position if v.ratio < 1 else (0.0, 0.0), v.mirrored) for v in views)
    return Views(tuple(dict.fromkeys(whole)), size)


@dataclass(frozen=True)
class FlippedViews:
    """Every view also mirrored."""

    shape: Shape

    def extend(self, views: tuple[View, ...]) -> tuple[View, ...]:
        """Add to the views so far."""
        return tuple(View(v.ratio, v.position, mirrored) for v in views for mirrored in (False, True))


@dataclass(frozen=True)
class CenterCrop:
    """The central part only."""

    shape: Shape
    ratio: float

    def extend(self, views: tuple[View, ...]) -> tuple[View, ...]:
        """Narrow the views so far."""
        return tuple(View(v.ratio * self.ratio, v.position, v.mirrored) for v in views)


@dataclass(frozen=True)
class FiveCrops:
    """The four corners and the centre."""

    shape: Shape
    ratio: float

    def extend(self, views: tuple[View, ...]) -> tuple[View, ...]:
        """Multiply the views so far."""
        return tuple(
            View(v.ratio * self.ratio, position, v.mirrored) for v in views for position in _CORNERS + _CENTRE
        )


@dataclass(frozen=True)
class ScaledViews:
    """Boxes of several sizes: ``crop`` by each of ``sizes``, at most the whole image."""

    shape: Shape
    sizes: tuple[int, ...]
    crop: int

    def extend(self, views: tuple[View, ...]) -> tuple[View, ...]:
        """Multiply the views so far."""
        ratios = [min(1.0, self.crop / size) for size in self.sizes]
        return tuple(View(v.ratio * ratio, v.position, v.mirrored) for v in views for ratio in ratios)
