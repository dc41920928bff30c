"""Augmentation policies: which operations each image gets, and how strong they are.

The strength scales the magnitude of an operation, or its probability if it has no magnitude.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.augmentation.autoaugment_policies import POLICIES
from trainables.augmentation.geometry import Shape
from trainables.augmentation.operations import NAMES, apply, standard_ranges, wide_ranges
from trainables.augmentation.random_draws import chance, integers, normal

_UNINVERTED = NAMES.index("invert")
"""RandAugment and TrivialAugment choose from all operations before ``invert``."""


@dataclass(frozen=True)
class RandAugment:
    """Several random operations of one magnitude in sequence (Cubuk et al. 2020).

    Magnitude 10 is the full range of each operation; with ``magnitude_std`` each operation's
    magnitude is normally distributed around it, clipped to [0, 10].
    """

    shape: Shape
    strength: float
    operations: int
    magnitude: float
    magnitude_std: float

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]."""
        rounds = (self.operations, len(images))
        chosen = integers(rounds, _UNINVERTED, generator)
        magnitude = normal(rounds, generator).mul_(self.magnitude_std).add_(self.magnitude).clamp_(0, 10) / 10
        ranges = standard_ranges(*self.shape[1:])
        return apply(images, *ranges.draw(chosen, magnitude, self.strength, generator))


@dataclass(frozen=True)
class RandAugmentIncreasing:
    """RandAugment as timm has it under ``inc1``, which DeiT and ResNet strikes back were trained with.

    Each of 15 operations, chosen at random, is applied with probability ``strength * p``, and the more
    strongly the larger the magnitude. What lies outside the image is grey.
    """

    shape: Shape
    strength: float
    operations: int
    magnitude: float
    magnitude_std: float
    p: float

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]."""
        rounds = (self.operations, len(images))
        chosen = 1 + integers(rounds, len(NAMES) - 1, generator)
        chosen = chosen * chance(rounds, self.strength * self.p, generator)
        magnitude = normal(rounds, generator).mul_(self.magnitude_std).add_(self.magnitude).clamp_(0, 10) / 10
        negative = chance(rounds, 0.5, generator)
        values = _increasing_values(chosen, torch.where(negative, -magnitude, magnitude), *self.shape[1:])
        return apply(images, chosen, values, fill=128 / 255)


def _increasing_values(chosen: Tensor, signed: Tensor, height: int, width: int) -> Tensor:
    """Return the operations' values for magnitudes in [-1, 1]; whole numbers are cut as timm cuts them."""
    size = signed.abs()
    enhanced = (1 + 0.9 * signed).clamp(min=0.1)
    values = _shared_values(signed, height, width)
    values |= dict.fromkeys(("brightness", "saturation", "contrast", "sharpness"), enhanced)
    values["posterize"] = 4 - (4 * size).floor()
    values["solarize"] = (256 - (256 * size).floor()) / 255
    return _selected(values, chosen)


def _efficientnet_values(chosen: Tensor, signed: Tensor, height: int, width: int) -> Tensor:
    """Return the operations' values for magnitudes in [-1, 1] as in EfficientNet's code.

    There a large magnitude is a weak change for some operations. At least one bit is kept, as in pycls:
    without any, an image is black.
    """
    size = signed.abs()
    values = _shared_values(signed, height, width)
    values["saturation"] = 0.1 + 1.8 * size
    values["posterize"] = (4 * size).floor().clamp(min=1)
    values["solarize"] = (256 * size).floor() / 255
    return _selected(values, chosen)


def _shared_values(signed: Tensor, height: int, width: int) -> dict[str, Tensor]:
    """Return the values of the operations that both have in common, by name."""
    reach = {"shear_x": 0.3, "shear_y": 0.3, "translate_x": 0.45 * width, "translate_y": 0.45 * height}
    values = {name: signed * end for name, end in {**reach, "rotate": 30.0}.items()}
    return values | {"solarize_add": (110 * signed.abs()).floor() / 255}


def _selected(values: Mapping[str, Tensor], chosen: Tensor) -> Tensor:
    """Return the value of each chosen operation; 0 for operations without one."""
    table = torch.stack([values.get(name, torch.zeros(chosen.shape, device=chosen.device)) for name in NAMES])
    return table.gather(0, chosen[None])[0]


@dataclass(frozen=True)
class TrivialAugment:
    """One random operation of random magnitude, in wide ranges (Müller and Hutter 2021)."""

    shape: Shape
    strength: float

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]."""
        chosen = integers((1, len(images)), _UNINVERTED, generator)
        magnitude = integers((1, len(images)), 31, generator) / 30
        return apply(images, *wide_ranges().draw(chosen, magnitude, self.strength, generator))


@dataclass(frozen=True)
class AutoAugment:
    """One of 25 searched pairs of operations per image, each with its probability (Cubuk et al. 2019)."""

    shape: Shape
    strength: float
    policy: str

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]."""
        steps = [[(NAMES.index(name), *rest) for name, *rest in pair] for pair in POLICIES[self.policy]]
        pairs = torch.tensor(steps, device=generator.device).permute(1, 2, 0)
        drawn = pairs[..., integers(len(images), len(steps), generator)]
        chosen, p, level = drawn.unbind(1)
        if self.policy == "efficientnet":
            return self._efficientnet(images, chosen.long(), p, level, generator)
        chosen = chosen.long() * chance(chosen.shape, p, generator)
        ranges = standard_ranges(*self.shape[1:])
        return apply(images, *ranges.draw(chosen, level / 9, self.strength, generator))

    def _efficientnet(
        self, images: Tensor, chosen: Tensor, p: Tensor, level: Tensor, generator: torch.Generator
    ) -> Tensor:
        """Change images as EfficientNet's code does; what lies outside an image is grey."""
        chosen = chosen * chance(chosen.shape, self.strength * p, generator)
        signed = torch.where(chance(chosen.shape, 0.5, generator), -level, level) / 10
        values = _efficientnet_values(chosen, signed, *self.shape[1:])
        return apply(images, chosen, values, fill=128 / 255)
