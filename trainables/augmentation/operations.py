"""The operations that augmentation policies choose from, applied to a batch by kind.

Images are sorted by operation, so that each operation sees one contiguous slice and only images
that it changes; all geometric operations are one slice and one resampling.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables import torchvision_ops  # noqa: F401  (declares operators before torchvision is imported)
from trainables.augmentation import colour
from trainables.augmentation.draws import uniform
from trainables.augmentation.geometry import identity, resample

from torchvision.transforms.v2 import functional as vision  # isort: skip

NAMES = (
    "identity",
    "shear_x",
    "shear_y",
    "translate_x",
    "translate_y",
    "rotate",
    "brightness",
    "saturation",
    "contrast",
    "sharpness",
    "posterize",
    "solarize",
    "auto_contrast",
    "equalize",
    "invert",
)
"""All operations; a policy names them by their place here."""

_GEOMETRIC = slice(1, 6)
"""Places of those that are a matrix."""

_CHANGES: Mapping[int, Callable[[Tensor, Tensor], Tensor]] = {
    6: colour.brightness,
    7: colour.saturation,
    8: colour.contrast,
    9: colour.sharpness,
    10: colour.posterize,
    11: colour.solarize,
    12: lambda images, _: vision.autocontrast(images),
    13: lambda images, _: vision.equalize(images),
    14: lambda images, _: 1 - images,
}


@dataclass(frozen=True)
class Ranges:
    """What magnitude means for each operation.

    Attributes:
        start: Value at magnitude 0, where an operation does nothing.
        end: Value at magnitude 1.
        signed: Whether the change from the start goes either way.
        graded: Whether there is a magnitude at all.
    """

    start: tuple[float, ...]
    end: tuple[float, ...]
    signed: tuple[bool, ...] = (False, *(True,) * 9, *(False,) * 5)
    graded: tuple[bool, ...] = (False, *(True,) * 11, *(False,) * 3)

    def values(self, chosen: Tensor, magnitude: Tensor, generator: torch.Generator) -> Tensor:
        """Values of the chosen operations [n] at magnitudes [n] in [0, 1], with random signs."""
        start, end = chosen.new_tensor((self.start, self.end), dtype=torch.float32)[:, chosen]
        signed = chosen.new_tensor(self.signed, dtype=torch.bool)[chosen]
        negative = uniform(len(chosen), 0, 1, generator, chosen.device) < 0.5
        change = (end - start) * magnitude
        values: Tensor = start + torch.where(signed & negative, -change, change)
        return values


_START = (0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 8, 256 / 255, 0, 0, 0)


def standard_ranges(height: int, width: int) -> Ranges:
    """Ranges of AutoAugment and RandAugment; lengths in pixels, angles in degrees."""
    x, y = 150 / 331 * width, 150 / 331 * height
    return Ranges(_START, (0, 0.3, 0.3, x, y, 30, 1.9, 1.9, 1.9, 1.9, 4, 0, 0, 0, 0))


def wide_ranges() -> Ranges:
    """Ranges of TrivialAugment; lengths in pixels, angles in degrees."""
    return Ranges(_START, (0, 0.99, 0.99, 32, 32, 135, 1.99, 1.99, 1.99, 1.99, 2, 0, 0, 0, 0))


def apply(images: Tensor, chosen: Tensor, values: Tensor) -> Tensor:
    """Apply to each image its own operation.

    Args:
        images: Float tensor [n, c, h, w] in [0, 1].
        chosen: Tensor [n] of places in `NAMES`.
        values: Tensor [n], the operation's own measure; see `Ranges`.

    Returns:
        A new tensor [n, c, h, w]; images whose operation is ``identity`` are unchanged.
    """
    order = chosen.argsort()
    ends = torch.bincount(chosen, minlength=len(NAMES)).cumsum(0).tolist()
    chosen, values = chosen[order], values[order]
    changed = images[order]
    turned = slice(ends[_GEOMETRIC.start - 1], ends[_GEOMETRIC.stop - 1])
    if turned.start < turned.stop:
        matrices = _matrices(chosen[turned], values[turned], *images.shape[-2:])
        changed[turned] = resample(changed[turned], matrices)
    for place, change in _CHANGES.items():
        own = slice(ends[place - 1], ends[place])
        if own.start < own.stop:
            changed[own] = change(changed[own], values[own])
    return torch.empty_like(images).index_copy_(0, order, changed)


def _matrices(chosen: Tensor, values: Tensor, height: int, width: int) -> Tensor:
    """Matrices of geometric operations: shears keep the top left corner, as the papers' do."""
    shear_x, shear_y, x, y, angle = (
        torch.where(chosen == place, values, 0.0) for place in range(_GEOMETRIC.start, _GEOMETRIC.stop)
    )
    angle = angle.deg2rad()
    sine = angle.sin()
    matrices = identity(len(chosen), values.device)
    matrices[:, 0, 0] = matrices[:, 1, 1] = angle.cos()
    matrices[:, 0, 1] = shear_x - sine
    matrices[:, 1, 0] = shear_y + sine
    matrices[:, 0, 2] = shear_x * (height / 2) - x.trunc()
    matrices[:, 1, 2] = shear_y * (width / 2) - y.trunc()
    return matrices
