"""The operations that augmentation policies choose from, applied to a batch by kind.

Images are sorted by operation, so that each operation gets one contiguous slice with only the images
that it changes; all geometric operations are one slice and one resampling. A slice holds few small
images, for which calling torch costs more than its work, so everything that can be computed for all
rounds and images at once is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.augmentation import colour
from trainables.augmentation.geometry import resample
from trainables.augmentation.random_draws import chance

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
    "solarize_add",
)
"""All operations; policies refer to them by their index here."""

_GEOMETRIC = slice(1, 6)
"""Indices of the operations that are matrices."""

_CHANGES: Sequence[Callable[[Tensor, Tensor], Tensor]] = (
    colour.brightness,
    colour.saturation,
    colour.contrast,
    colour.sharpness,
    colour.posterize,
    colour.solarize,
    lambda images, _: colour.auto_contrast(images),
    lambda images, _: colour.equalize(images),
    lambda images, _: 1 - images,
    colour.solarize_add,
)
"""The operations after the geometric ones, in order."""

_NEGATIVE = torch.tensor([0, *(0.5,) * 9, *(0,) * 6])
"""Probability that the change from the start is negated."""

_GRADED = torch.tensor([0, *(1.0,) * 11, *(0,) * 3, 1.0])
"""Whether the operation has a magnitude."""


@dataclass(frozen=True)
class Ranges:
    """What a magnitude means for each operation.

    Attributes:
        start: Value at magnitude 0, where an operation does nothing.
        end: Value at magnitude 1; for some, the change from the start has a random sign.
    """

    start: Tensor
    end: Tensor

    def draw(
        self, chosen: Tensor, magnitude: Tensor, strength: float, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Draw what is done to each image.

        Args:
            chosen: Tensor of indices into `NAMES`, of any shape.
            magnitude: In [0, 1], of the same shape.
            strength: Scales magnitudes, and the probability of operations without one.
            generator: Source of signs and of omissions.

        Returns:
            Indices into `NAMES` and values for `apply`.
        """
        table = torch.stack((self.start, self.end - self.start, _NEGATIVE, _GRADED), 1).to(chosen.device)
        start, change, negative, graded = table[chosen].unbind(-1)
        change = change * magnitude * strength
        change = torch.where(chance(chosen.shape, negative, generator), -change, change)
        return chosen * chance(chosen.shape, graded + strength, generator), start + change


def _ranges(x: float, y: float, shear: float, degrees: float, factor: float, bits: float) -> Ranges:
    start = (0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 8, 256 / 255, 0, 0, 0, 0)
    end = (0, shear, shear, x, y, degrees, *(1 + factor,) * 4, bits, 0, 0, 0, 0, 110 / 255)
    return Ranges(torch.tensor(start, dtype=torch.float32), torch.tensor(end, dtype=torch.float32))


def standard_ranges(height: int, width: int) -> Ranges:
    """Return ranges of AutoAugment and RandAugment: shifts in pixels, angles in degrees."""
    return _ranges(150 / 331 * width, 150 / 331 * height, 0.3, 30, 0.9, 4)


def wide_ranges() -> Ranges:
    """Return ranges of TrivialAugment: shifts in pixels, angles in degrees."""
    return _ranges(32, 32, 0.99, 135, 0.99, 2)


def apply(images: Tensor, chosen: Tensor, values: Tensor, fill: float = 0.0) -> Tensor:
    """Apply a different operation to each image, round after round.

    Args:
        images: Float tensor [n, c, h, w] in [0, 1].
        chosen: Tensor [rounds, n] of indices into `NAMES`; on any device.
        values: Tensor [rounds, n], in the operation's own unit; see `Ranges`.
        fill: Brightness of what lies outside the image.

    Returns:
        A new tensor [n, c, h, w].
    """
    orders = chosen.argsort(stable=True)
    chosen, values = chosen.gather(1, orders), values.gather(1, orders)
    matrices = _matrices(chosen, values, *images.shape[-2:]).to(images.device)
    counts = (chosen[:, None] == torch.arange(len(NAMES), device=chosen.device)[:, None]).sum(2).tolist()
    values = values.to(images.device)
    # Images keep the order of the previous round until they are sorted for the next.
    after = orders.argsort()
    moves = torch.cat((orders[:1], after[:-1].gather(1, orders[1:]), after[-1:])).to(images.device)
    for sizes, matrix, value, move in zip(counts, matrices, values, moves[:-1], strict=True):
        images = torch.cat(_changed(images.index_select(0, move), sizes, matrix, value, fill))
    return images.index_select(0, moves[-1])


def _changed(
    images: Tensor, counts: list[int], matrices: Tensor, values: Tensor, fill: float
) -> list[Tensor]:
    """Return the changed slices of images that are sorted by operation, with ``counts`` images each."""
    sizes = [counts[0], sum(counts[_GEOMETRIC]), *counts[_GEOMETRIC.stop :]]
    slices, measures = list(torch.split(images, sizes)), torch.split(values, sizes)
    if sizes[1]:
        shifted = slices[1] - fill if fill else slices[1]
        slices[1] = resample(shifted, matrices.narrow(0, sizes[0], sizes[1]))
        if fill:
            slices[1] = slices[1].add_(fill).clamp_(0, 1)
    for number, change in enumerate(_CHANGES, start=2):
        if sizes[number]:
            slices[number] = change(slices[number], measures[number])
    return slices


def _matrices(chosen: Tensor, values: Tensor, height: int, width: int) -> Tensor:
    """Return matrices [rounds, n, 2, 3] of geometric operations, and the identity for others.

    Shears keep the top left corner, as in the papers.
    """
    kinds = torch.arange(_GEOMETRIC.start, _GEOMETRIC.stop, device=chosen.device)[:, None, None]
    shear_x, shear_y, x, y, angle = (values * (chosen == kinds)).unbind()
    angle = angle.deg2rad()
    sine, cosine = angle.sin(), angle.cos()
    right, down = shear_x * (height / 2) - x.trunc(), shear_y * (width / 2) - y.trunc()
    entries = (cosine, shear_x - sine, right, shear_y + sine, cosine, down)
    return torch.stack(entries, -1).view(*chosen.shape, 2, 3)
