"""Random crops of images of different sizes, drawn as torchvision and timm draw them."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from trainables.augmentation.geometry import Placement, RandomResizedCrop, ScaleJitter
from trainables.augmentation.random_draws import uniform
from trainables.augmentation.views import covering
from trainables.data.originals import ScaledBox


def draw_cuts(
    part: Placement, sizes: Tensor, size: tuple[int, int], generator: torch.Generator
) -> list[ScaledBox]:
    """Draw a crop of each image.

    Args:
        part: A random resized crop or a scale jitter.
        sizes: Height and width of the images, int64 [b, 2].
        size: Height and width of the crops.
        generator: Source of all randomness.
    """
    if isinstance(part, RandomResizedCrop):
        boxes = resized_boxes(part, sizes, generator)
        return [ScaledBox(None, (x, y, x + w, y + h)) for x, y, w, h in boxes.tolist()]
    assert isinstance(part, ScaleJitter)
    return _scaled_cuts(part, sizes, size, generator)


def resized_boxes(part: RandomResizedCrop, sizes: Tensor, generator: torch.Generator) -> Tensor:
    """Draw boxes of whole pixels: left, top, width and height, int64 [b, 4].

    They are distributed as those of torchvision's ``RandomResizedCrop``: where none of ten boxes fits, the
    largest one in the middle whose aspect is within the range.
    """
    height, width = sizes.double().unbind(1)
    bound = part.strength * math.log(part.ratio)
    area = uniform((len(sizes), 10), 1 - part.strength * (1 - part.scale), 1, generator).double()
    aspect = uniform((len(sizes), 10), -bound, bound, generator).double().exp()
    area = area * (height * width)[:, None]
    across, down = (area * aspect).sqrt().round(), (area / aspect).sqrt().round()
    fits = (across >= 1) & (across <= width[:, None]) & (down >= 1) & (down <= height[:, None])
    first, fitting = fits.to(torch.uint8).argmax(1, keepdim=True), fits.any(1)
    widest, highest = (height * math.exp(bound)).round(), (width * math.exp(bound)).round()
    across = torch.where(fitting, across.gather(1, first)[:, 0], torch.minimum(width, widest))
    down = torch.where(fitting, down.gather(1, first)[:, 0], torch.minimum(height, highest))
    room = torch.stack((width - across, height - down), 1)
    position = uniform((len(sizes), 2), 0, 1, generator).double()
    drawn = torch.minimum((position * (room + 1)).floor(), room)
    corner = torch.where(fitting[:, None], drawn, (room / 2).floor())
    return torch.cat((corner, across[:, None], down[:, None]), 1).long()


def _scaled_cuts(
    part: ScaleJitter, sizes: Tensor, size: tuple[int, int], generator: torch.Generator
) -> list[ScaledBox]:
    """Draw resized sizes of images, and a place in them at random: ``Resize`` and ``RandomCrop``."""
    factors = part.factors(len(sizes), generator).tolist()
    positions = uniform((len(sizes), 2), 0, 1, generator).tolist()
    cuts = []
    for stored, factor, position in zip(sizes.tolist(), factors, positions, strict=True):
        whole = covering(stored, tuple(round(side * factor) for side in size))
        top, left = (
            min(int(share * (long - side + 1)), long - side)
            for share, long, side in zip(position, whole, size, strict=True)
        )
        cuts.append(ScaledBox(whole[::-1], (left, top, left + size[1], top + size[0])))
    return cuts
