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
from trainables.augmentation.draws import chance
from trainables.augmentation.geometry import resample

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


_SIGNED = torch.tensor([False, *(True,) * 9, *(False,) * 5])
_GRADED = torch.tensor([False, *(True,) * 11, *(False,) * 3])


@dataclass(frozen=True)
class Ranges:
    """What magnitude means for each operation.

    Attributes:
        start: Value at magnitude 0, where an operation does nothing.
        end: Value at magnitude 1; of some the change from the start goes either way.
    """

    start: Tensor
    end: Tensor

    def draw(
        self, chosen: Tensor, magnitude: Tensor, strength: float, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Settle what is done to each image.

        Args:
            chosen: Tensor [n] of places in `NAMES`.
            magnitude: Tensor [n] in [0, 1].
            strength: Scales magnitudes, and the probability of operations that have none.
            generator: Source of signs and of what is left out.

        Returns:
            Places in `NAMES` and values for `apply`.
        """
        device = chosen.device
        start, end = self.start.to(device)[chosen], self.end.to(device)[chosen]
        negative = chance(len(chosen), 0.5, generator) & _SIGNED.to(device)[chosen]
        change = (end - start) * magnitude * strength
        on = _GRADED.to(device)[chosen] | chance(len(chosen), strength, generator)
        return chosen * on, start + torch.where(negative, -change, change)


def _ranges(x: float, y: float, shear: float, degrees: float, factor: float, bits: float) -> Ranges:
    start = (0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 8, 256 / 255, 0, 0, 0)
    end = (0, shear, shear, x, y, degrees, *(1 + factor,) * 4, bits, 0, 0, 0, 0)
    return Ranges(torch.tensor(start, dtype=torch.float32), torch.tensor(end, dtype=torch.float32))


def standard_ranges(height: int, width: int) -> Ranges:
    """Ranges of AutoAugment and RandAugment: shifts in pixels, angles in degrees."""
    return _ranges(150 / 331 * width, 150 / 331 * height, 0.3, 30, 0.9, 4)


def wide_ranges() -> Ranges:
    """Ranges of TrivialAugment: shifts in pixels, angles in degrees."""
    return _ranges(32, 32, 0.99, 135, 0.99, 2)


def apply(images: Tensor, chosen: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
    """Apply to each image its own operation.

    Args:
        images: Float tensor [n, c, h, w] in [0, 1].
        chosen: Tensor [n] of places in `NAMES`; on any device.
        values: Tensor [n], the operation's own measure; see `Ranges`.

    Returns:
        A new tensor [n, c, h, w] in which images are sorted by operation, those of ``identity``
        unchanged, and for each the place [n] that it had before.
    """
    order = chosen.argsort(stable=True)
    ends = torch.bincount(chosen, minlength=len(NAMES)).cumsum(0).tolist()
    chosen, values = chosen[order], values[order]
    changed = images.index_select(0, order.to(images.device))
    turned = slice(ends[_GEOMETRIC.start - 1], ends[_GEOMETRIC.stop - 1])
    if turned.start < turned.stop:
        matrices = _matrices(chosen[turned], values[turned], *images.shape[-2:])
        changed[turned] = resample(changed[turned], matrices)
    values = values.to(images.device)
    for place, change in _CHANGES.items():
        own = slice(ends[place - 1], ends[place])
        if own.start < own.stop:
            changed[own] = change(changed[own], values[own])
    return changed, order


def _matrices(chosen: Tensor, values: Tensor, height: int, width: int) -> Tensor:
    """Matrices of geometric operations: shears keep the top left corner, as the papers' do."""
    kinds = torch.arange(_GEOMETRIC.start, _GEOMETRIC.stop, device=chosen.device)[:, None]
    shear_x, shear_y, x, y, angle = (values * (chosen == kinds)).unbind()
    angle = angle.deg2rad()
    sine, cosine = angle.sin(), angle.cos()
    first = torch.stack((cosine, shear_x - sine, shear_x * (height / 2) - x.trunc()), 1)
    second = torch.stack((shear_y + sine, cosine, shear_y * (width / 2) - y.trunc()), 1)
    return torch.stack((first, second), 1)
