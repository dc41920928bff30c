"""Geometric augmentation: every part is a matrix per image, and all of them are one resampling.

A part's matrix maps a position in the result to the position in the image that it is read from, in
pixels from the centre. Composing flip, crop, rotation and the rest is then a product of 3 x 3
matrices, and images are resampled once, whatever is on. Flips and crops by whole pixels read exactly
one pixel each, without interpolation.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor
from torch.nn import functional

from trainables.augmentation.random_draws import chance, integers, uniform

Shape = tuple[int, int, int]
"""Channels, height and width."""


@dataclass(frozen=True)
class Placement(ABC):
    """A geometric part that is a matrix.

    Attributes:
        shape: Of an image.
        strength: Scales the part; 0 changes nothing.
        exact: Whether it reads whole pixels only.
        inside: Whether it never reads outside the image.
    """

    shape: Shape
    strength: float
    exact: ClassVar[bool] = False
    inside: ClassVar[bool] = False

    @property
    def padding_mode(self) -> str:
        """What it reads outside: ``zeros``, ``border`` (the edge repeated) or ``reflection``."""
        return "zeros"

    @abstractmethod
    def matrices(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw one 3 x 3 matrix per image: a tensor [count, 3, 3]."""


@runtime_checkable
class Distortion(Protocol):
    """A geometric part that cannot be written as a matrix."""

    def displacement(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw how far from its position each pixel is read: a tensor [count, 2, h, w], x first."""
        ...


@dataclass(frozen=True)
class Geometry:
    """All geometric parts of a policy as one step.

    Attributes:
        shape: Of an image.
        placements: Parts that are matrices, in the order in which they act.
        distortions: Parts that are displacements; they act last.
    """

    shape: Shape
    placements: tuple[Placement, ...]
    distortions: tuple[Distortion, ...] = ()

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Resample images [b, c, h, w], each differently."""
        count = len(images)
        drawn = [placement.matrices(count, generator) for placement in self.placements]
        matrices = reduce(torch.matmul, drawn) if drawn else identity(count, generator.device)
        displacement = None
        for distortion in self.distortions:
            field = distortion.displacement(count, generator)
            displacement = field if displacement is None else displacement + field
        exact = displacement is None and all(placement.exact for placement in self.placements)
        return resample(images, matrices, displacement, exact=exact, border=self._padding_mode())

    def _padding_mode(self) -> str:
        outside = [part.padding_mode for part in self.placements if not part.inside]
        return outside[0] if outside else "zeros" if self.distortions else "border"


def identity(count: int, device: torch.device) -> Tensor:
    """Return matrices [count, 3, 3] that change nothing."""
    return torch.eye(3, device=device).expand(count, 3, 3).clone()


def _matrices(entries: Mapping[tuple[int, int], Tensor]) -> Tensor:
    """Return matrices [count, 3, 3] with these entries [count] by row and column, else the identity's."""
    first = next(iter(entries.values()))
    matrices = identity(len(first), first.device)
    for (row, column), entry in entries.items():
        matrices[:, row, column] = entry
    return matrices


def resample(
    images: Tensor,
    matrices: Tensor,
    displacement: Tensor | None = None,
    *,
    exact: bool = False,
    border: str = "zeros",
) -> Tensor:
    """Read each pixel of the result from where its matrix points.

    Args:
        images: Float tensor [n, c, h, w].
        matrices: Tensor [n, 2 or 3, 3] from positions in the result to positions in the image, in
            pixels from the centre; on any device.
        displacement: Tensor [n, 2, h, w] in pixels, added to these positions; on any device.
        exact: Whether positions are whole pixels, so that nothing is interpolated.
        border: What is read outside the image: ``zeros``, ``border`` or ``reflection``.

    Returns:
        Float tensor [n, c, h, w].
    """
    height, width = images.shape[-2:]
    half = torch.tensor([[width / 2], [height / 2]], device=matrices.device)
    rows = (matrices[:, :2] / half).to(images.device)
    grid = (rows @ _positions(height, width, images.device)).view(-1, 2, height, width)
    if displacement is not None:
        grid += (displacement / half[..., None]).to(images.device)
    return functional.grid_sample(
        images,
        grid.permute(0, 2, 3, 1),
        mode="nearest" if exact else "bilinear",
        padding_mode=border,
        align_corners=False,
    )


def _positions(height: int, width: int, device: torch.device) -> Tensor:
    """Return x, y and 1 of every pixel, [3, height * width], which matrices are multiplied with."""
    x, y = pixel_centres(height, width, device)
    return torch.stack((x.expand(height, width), y.expand(height, width), torch.ones_like(x + y))).flatten(1)


def pixel_centres(height: int, width: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return positions of columns [width] and of rows [height, 1], in pixels from the centre."""
    x = torch.arange(width, device=device, dtype=torch.float32) - (width - 1) / 2
    y = torch.arange(height, device=device, dtype=torch.float32) - (height - 1) / 2
    return x, y[:, None]


@dataclass(frozen=True)
class HorizontalFlip(Placement):
    """Mirror left and right with probability ``strength * p``."""

    p: float
    exact: ClassVar[bool] = True
    inside: ClassVar[bool] = True

    def matrices(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw one matrix per image; see `Placement`."""
        flipped = chance(count, self.strength * self.p, generator)
        return _matrices({(0, 0): 1 - 2.0 * flipped})


@dataclass(frozen=True)
class RandomCrop(Placement):
    """Shift by up to ``strength * padding`` whole pixels, rounded, along each axis."""

    padding: int
    border: str
    exact: ClassVar[bool] = True

    @property
    def padding_mode(self) -> str:
        """As the recipe says."""
        return self.border

    def matrices(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw one matrix per image; see `Placement`."""
        reach = round(self.strength * self.padding)
        right, down = (integers((count, 2), 2 * reach + 1, generator) - reach).unbind(1)
        return _matrices({(0, 2): right, (1, 2): down})


@dataclass(frozen=True)
class RandomResizedCrop(Placement):
    """A box of random area and aspect, resized to the full size.

    The area is uniform in [``1 - strength * (1 - scale)``, 1], the logarithm of the aspect in
    ± ``strength * log(ratio)``. Ten boxes are drawn per image and the first that fits is used;
    if none fits, the whole image is.
    """

    scale: float
    ratio: float
    inside: ClassVar[bool] = True

    def matrices(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw one matrix per image; see `Placement`."""
        _, height, width = self.shape
        least = 1 - self.strength * (1 - self.scale)
        bound = self.strength * math.log(self.ratio)
        area = uniform((count, 10), least, 1, generator)
        aspect = uniform((count, 10), -bound, bound, generator).exp()
        wide = (area * aspect * height / width).sqrt()
        high = (area / aspect * width / height).sqrt()
        fits = (wide <= 1) & (high <= 1)
        first = fits.to(torch.uint8).argmax(dim=1, keepdim=True)
        any_fits = fits.any(dim=1)
        across = torch.where(any_fits, wide.gather(1, first)[:, 0], 1.0)
        down = torch.where(any_fits, high.gather(1, first)[:, 0], 1.0)
        return _box(self.shape, across, down, uniform((count, 2), -0.5, 0.5, generator))


@dataclass(frozen=True)
class ScaleJitter(Placement):
    """Enlarge so that the short side is uniform in a range, then crop at a random position.

    The ends may come in either order; below ``crop`` nothing is enlarged. The strength moves both
    ends towards ``crop``.
    """

    shortest: int
    longest: int
    crop: int
    inside: ClassVar[bool] = True

    def factors(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw by how much each image is larger than its crop, [count]."""
        low, high = sorted(
            1 + self.strength * (max(side, self.crop) / self.crop - 1)
            for side in (self.shortest, self.longest)
        )
        return uniform(count, low, high, generator)

    def matrices(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw one matrix per image; see `Placement`."""
        share = self.factors(count, generator).reciprocal()
        return _box(self.shape, share, share, uniform((count, 2), -0.5, 0.5, generator))


def _box(shape: Shape, across: Tensor, down: Tensor, position: Tensor) -> Tensor:
    """Return matrices of boxes inside the image, given shares of its sides and positions in ±0.5."""
    right, low = position[:, 0] * (1 - across) * shape[2], position[:, 1] * (1 - down) * shape[1]
    return _matrices({(0, 0): across, (1, 1): down, (0, 2): right, (1, 2): low})


@dataclass(frozen=True)
class Rotation(Placement):
    """Turn about the centre by an angle uniform in ± ``strength * degrees``."""

    degrees: float

    def matrices(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw one matrix per image; see `Placement`."""
        bound = math.radians(self.strength * self.degrees)
        angle = uniform(count, -bound, bound, generator)
        sine, cosine = angle.sin(), angle.cos()
        return _matrices({(0, 0): cosine, (0, 1): -sine, (1, 0): sine, (1, 1): cosine})


@dataclass(frozen=True)
class Translation(Placement):
    """Shift along both axes, uniform in ± ``strength * share`` of the side."""

    share: float

    def matrices(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw one matrix per image; see `Placement`."""
        bound = self.strength * self.share
        across, down = uniform((count, 2), -bound, bound, generator).unbind(1)
        return _matrices({(0, 2): across * self.shape[2], (1, 2): down * self.shape[1]})


@dataclass(frozen=True)
class Stretch(Placement):
    """Scale both axes, each by a factor log-uniform between ``factor ** strength`` and its inverse."""

    factor: float

    def matrices(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw one matrix per image; see `Placement`."""
        bound = self.strength * math.log(self.factor)
        across, down = uniform((count, 2), -bound, bound, generator).exp().unbind(1)
        return _matrices({(0, 0): across, (1, 1): down})


@dataclass(frozen=True)
class Shear(Placement):
    """Shear along x and along y, each by an angle uniform in ± ``strength * degrees``."""

    degrees: float

    def matrices(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw one matrix per image; see `Placement`."""
        bound = math.radians(self.strength * self.degrees)
        along_x, along_y = uniform((count, 2), -bound, bound, generator).tan().unbind(1)
        return _matrices({(0, 1): along_x, (1, 0): along_y})
