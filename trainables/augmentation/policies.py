"""Augmentation policies: which operations each image gets, and how strong they are.

The strength scales the magnitude of an operation, or its probability if it has no magnitude.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.augmentation.autoaugment_policies import POLICIES
from trainables.augmentation.geometry import Shape
from trainables.augmentation.operations import NAMES, apply, standard_ranges, wide_ranges
from trainables.augmentation.random_draws import chance, integers, normal

_UNINVERTED = len(NAMES) - 1
"""RandAugment and TrivialAugment choose from all operations except the last, ``invert``."""


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
        chosen = chosen.long() * chance(chosen.shape, p, generator)
        ranges = standard_ranges(*self.shape[1:])
        return apply(images, *ranges.draw(chosen, level / 9, self.strength, generator))
