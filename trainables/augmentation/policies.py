"""Augmentation policies: which operations each image gets, and how strongly.

Strength scales the magnitude of an operation that has one, and the probability of one that has not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.augmentation.draws import chance, integers, normal
from trainables.augmentation.geometry import Shape
from trainables.augmentation.operations import NAMES, Ranges, apply, standard_ranges, wide_ranges
from trainables.augmentation.searched import POLICIES

_UNINVERTED = len(NAMES) - 1
"""RandAugment and TrivialAugment choose from all operations but the last, ``invert``."""

Drawn = Iterator[tuple[Tensor, Tensor]]
"""For each round the operation of each image and its magnitude in [0, 1]."""


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
        ranges = standard_ranges(*self.shape[1:])
        return _applied(images, self._draw(len(images), generator), ranges, self.strength, generator)

    def _draw(self, count: int, generator: torch.Generator) -> Drawn:
        for _ in range(self.operations):
            chosen = integers(count, _UNINVERTED, generator)
            spread = self.magnitude_std * normal(count, generator)
            yield chosen, (self.magnitude + spread).clamp_(0, 10) / 10


@dataclass(frozen=True)
class TrivialAugment:
    """One random operation of random magnitude, in wide ranges (Müller and Hutter 2021)."""

    shape: Shape
    strength: float

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]."""
        chosen = integers(len(images), _UNINVERTED, generator)
        magnitude = integers(len(images), 31, generator) / 30
        return _applied(images, iter([(chosen, magnitude)]), wide_ranges(), self.strength, generator)


@dataclass(frozen=True)
class AutoAugment:
    """One of 25 searched pairs of operations per image, each with its probability (Cubuk et al. 2019)."""

    shape: Shape
    strength: float
    policy: str

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]."""
        ranges = standard_ranges(*self.shape[1:])
        return _applied(images, self._draw(len(images), generator), ranges, self.strength, generator)

    def _draw(self, count: int, generator: torch.Generator) -> Drawn:
        steps = [[(NAMES.index(name), *rest) for name, *rest in pair] for pair in POLICIES[self.policy]]
        table = torch.tensor(steps, device=generator.device)
        pairs = table[integers(count, len(steps), generator)]
        for chosen, p, level in pairs.permute(1, 2, 0):
            yield chosen.long() * chance(count, p, generator), level / 9


def _applied(
    images: Tensor, rounds: Drawn, ranges: Ranges, strength: float, generator: torch.Generator
) -> Tensor:
    """Apply round after round; images stay sorted as the last round left them until the end.

    What a round draws is independent of an image's place where every round is drawn alike;
    AutoAugment's rounds are not, so what was drawn is brought into the current order.
    """
    places = torch.arange(len(images), device=generator.device)
    for chosen, magnitude in rounds:
        kinds, values = ranges.draw(chosen[places], magnitude[places], strength, generator)
        images, order = apply(images, kinds, values)
        places = places[order]
    return images.index_select(0, places.argsort().to(images.device))
