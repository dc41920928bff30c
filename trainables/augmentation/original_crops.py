"""Crops that are cut from images as they are stored and resized once, as the published recipes do it.

Cut from an image that was resized first, a small crop would be an enlarged thumbnail.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.augmentation.geometry import Placement, Shape


@dataclass(frozen=True)
class OriginalCrop:
    """A random crop of stored images, resized to the size that is trained on.

    Attributes:
        part: Draws the boxes; built for the shape of stored images.
        shape: Of the result.
        bicubic: Whether to interpolate by cubic polynomials, not linearly.
    """

    part: Placement
    shape: Shape
    bicubic: bool = False

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Crop stored images [b, c, h, w] to [b, *shape]."""
        matrices = self.part.matrices(len(images), generator)
        height, width = images.shape[2:]
        across, down = matrices[:, 0, 0] * width, matrices[:, 1, 1] * height
        left = width / 2 + matrices[:, 0, 2] - across / 2
        top = height / 2 + matrices[:, 1, 2] - down / 2
        return crop_and_resize(images, (left, top, across, down), self.shape[1:], self.bicubic)


def crop_and_resize(
    images: Tensor,
    boxes: tuple[Tensor, Tensor, Tensor, Tensor],
    size: tuple[int, int],
    bicubic: bool = False,
) -> Tensor:
    """Cut a box from each image and resize it with an antialiased bilinear or bicubic filter.

    For boxes of whole pixels it is torchvision's ``resized_crop`` with ``antialias``.

    Args:
        images: Float tensor [b, c, h, w] in [0, 1].
        boxes: Left, top, width and height in pixels, each [b]; inside the images.
        size: Height and width of the result.
        bicubic: Whether to interpolate by cubic polynomials, not linearly.

    Returns:
        Float tensor [b, c, *size] in [0, 1].
    """
    left, top, across, down = (edge.to(images.device) for edge in boxes)
    rows = _filter(top, down, images.shape[2], size[0], bicubic)[:, None]
    columns = _filter(left, across, images.shape[3], size[1], bicubic)[:, None]
    return (rows @ images @ columns.transpose(2, 3)).clamp_(0, 1)


def _filter(start: Tensor, length: Tensor, pixels: int, size: int, bicubic: bool) -> Tensor:
    """Return the weights [b, size, pixels] with which pixels of a line enter those of the result."""
    scale = (length / size)[:, None, None]
    centres = start[:, None, None] + (torch.arange(size, device=start.device)[:, None] + 0.5) * scale
    positions = torch.arange(pixels, device=start.device) + 0.5
    distances = (positions - centres).abs() / scale.clamp(min=1)
    weights = _cubic(distances) if bicubic else (1 - distances).clamp_(min=0)
    first, last = start[:, None, None], (start + length)[:, None, None]
    weights = weights * ((positions > first) & (positions < last))
    total = weights.sum(2, keepdim=True)
    # A box thinner than a pixel may hold none of their centres: then the nearest one counts.
    nearest = (positions - centres).abs() == (positions - centres).abs().amin(2, keepdim=True)
    weights = torch.where(total > 0, weights, nearest.to(weights.dtype))
    return weights / weights.sum(2, keepdim=True)


def _cubic(distances: Tensor) -> Tensor:
    """Return the cubic of Keys (1981) with a = -0.5, as Pillow and torch's antialiased filters have it."""
    near = (1.5 * distances - 2.5) * distances**2 + 1
    far = ((-0.5 * distances + 2.5) * distances - 4) * distances + 2
    return torch.where(distances < 1, near, torch.where(distances < 2, far, 0.0))
