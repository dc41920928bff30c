"""Augmentation policies: which operations each image gets, and how strongly.

Strength scales the magnitude of an operation that has one, and the probability of one that has not.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.augmentation.draws import integers, normal, uniform
from trainables.augmentation.geometry import Shape
from trainables.augmentation.operations import NAMES, Ranges, apply, standard_ranges, wide_ranges
from trainables.augmentation.searched import POLICIES

_UNINVERTED = len(NAMES) - 1
"""RandAugment and TrivialAugment choose from all operations but the last, ``invert``."""


@dataclass(frozen=True)
class RandAugment:
    """Some random operations of one magnitude after each other (Cubuk et al. 2020).

    Magnitude 10 is the full range of each operation; with ``magnitude_std`` each operation's
    magnitude is normal about it, cut to [0, 10].
    """

    shape: Shape
    strength: float
    operations: int
    magnitude: float
    magnitude_std: float

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]."""
        ranges, device = standard_ranges(*self.shape[1:]), images.device
        for _ in range(self.operations):
            chosen = integers(len(images), _UNINVERTED, generator, device)
            magnitude = torch.full((len(images),), self.magnitude, device=device)
            if self.magnitude_std > 0:
                noise = normal((len(images),), generator, device)
                magnitude = (magnitude + self.magnitude_std * noise).clamp_(0, 10)
            images = _graded(images, chosen, magnitude / 10, ranges, self.strength, generator)
        return images


@dataclass(frozen=True)
class TrivialAugment:
    """One random operation of random magnitude, in wide ranges (Müller and Hutter 2021)."""

    shape: Shape
    strength: float

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]."""
        chosen = integers(len(images), _UNINVERTED, generator, images.device)
        magnitude = integers(len(images), 31, generator, images.device) / 30
        return _graded(images, chosen, magnitude, wide_ranges(), self.strength, generator)


@dataclass(frozen=True)
class AutoAugment:
    """One of 25 searched pairs of operations per image, each with its probability (Cubuk et al. 2019)."""

    shape: Shape
    strength: float
    policy: str

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]."""
        count, device = len(images), images.device
        table = torch.tensor(
            [[(NAMES.index(name), p, level) for name, p, level in pair] for pair in POLICIES[self.policy]],
            device=device,
        )
        rows = table[integers(count, len(table), generator, device)]
        ranges = standard_ranges(*self.shape[1:])
        for kind, p, level in rows.permute(1, 2, 0):
            on = uniform(count, 0, 1, generator, device) < p
            chosen = torch.where(on, kind.long(), 0)
            images = _graded(images, chosen, level / 9, ranges, self.strength, generator)
        return images


def _graded(
    images: Tensor,
    chosen: Tensor,
    magnitude: Tensor,
    ranges: Ranges,
    strength: float,
    generator: torch.Generator,
) -> Tensor:
    """Apply the chosen operations at ``strength`` times their magnitude."""
    graded = chosen.new_tensor(ranges.graded, dtype=torch.bool)[chosen]
    on = graded | (uniform(len(chosen), 0, 1, generator, images.device) < strength)
    values = ranges.values(chosen, magnitude * strength, generator)
    return apply(images, torch.where(on, chosen, 0), values)
