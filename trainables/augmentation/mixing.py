"""Parts that mix each image with another of its batch, and its label accordingly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from trainables.augmentation.erasing import box
from trainables.augmentation.geometry import Shape
from trainables.augmentation.random_draws import beta, beta_quantiles, chance, integers, permutation, uniform


@runtime_checkable
class Mixer(Protocol):
    """A part that mixes images and their labels."""

    def weights(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw how much of itself each image keeps.

        Returns:
            Weights of pixels, [count, 1, h, w] or [count, 1, 1, 1], and of labels, [count].
        """
        ...


@dataclass(frozen=True)
class Mixing:
    """Mix images and labels; with several mixers on, one of them is drawn for each image.

    Attributes:
        mixers: At least one.
        classes: Number of classes.
    """

    mixers: tuple[Mixer, ...]
    classes: int

    def __call__(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Mix images [b, c, h, w] with labels [b]; the targets are [b, classes] and sum to one."""
        count, device = len(images), images.device
        pixels, shares = self._weights(count, generator)
        pixels, shares = pixels.to(device), shares.to(device)
        partners = permutation(count, generator).to(device)
        targets = torch.zeros(count, self.classes, device=device)
        targets.scatter_add_(1, labels[:, None], shares[:, None])
        targets.scatter_add_(1, labels[partners][:, None], 1 - shares[:, None])
        return torch.lerp(images.index_select(0, partners), images, pixels), targets

    def _weights(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        pixels, shares = self.mixers[0].weights(count, generator)
        if len(self.mixers) == 1:
            return pixels, shares
        which = integers(count, len(self.mixers), generator)
        for number, mixer in enumerate(self.mixers[1:], start=1):
            others = mixer.weights(count, generator)
            pixels = torch.where((which == number)[:, None, None, None], others[0], pixels)
            shares = torch.where(which == number, others[1], shares)
        return pixels, shares


@dataclass(frozen=True)
class Mixup:
    """Blend two images, and their labels in the same proportion (Zhang et al. 2018)."""

    shape: Shape
    strength: float
    alpha: float
    p: float
    quantiles: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "quantiles", beta_quantiles(self.alpha))

    def weights(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw one weight per image; see `Mixer`."""
        share = beta(count, self.quantiles, generator)
        on = chance(count, self.strength * self.p, generator)
        share = share.masked_fill(~on, 1.0)
        return share[:, None, None, None], share


@dataclass(frozen=True)
class CutMix:
    """Paste a box of another image, and mix the labels by area (Yun et al. 2019)."""

    shape: Shape
    strength: float
    alpha: float
    p: float
    quantiles: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "quantiles", beta_quantiles(self.alpha))

    def weights(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Draw one weight per pixel; see `Mixer`."""
        _, height, width = self.shape
        side = (1 - beta(count, self.quantiles, generator)).sqrt()
        side = side * chance(count, self.strength * self.p, generator)
        centre = uniform((count, 2), 0, 1, generator)
        x, y = (centre[:, 0] * width).floor(), (centre[:, 1] * height).floor()
        wide, tall = (side * width).floor(), (side * height).floor()
        left, top = x - (wide / 2).floor(), y - (tall / 2).floor()
        pasted = box(left, top, left + wide, top + tall, self.shape)
        kept = (~pasted).to(torch.float32)
        return kept, kept.mean((1, 2, 3))


@dataclass(frozen=True)
class InClassMixing:
    """Blend each image with another of its class, the label unchanged.

    Each image's partner is the next one of its class in random order; the only image of a class stays
    as it is.
    """

    shape: Shape
    strength: float
    alpha: float
    p: float
    quantiles: Tensor = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "quantiles", beta_quantiles(self.alpha))

    def __call__(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w] with labels [b]."""
        share = beta(len(images), self.quantiles, generator)
        share = share.masked_fill(~chance(len(images), self.strength * self.p, generator), 1.0)
        others = images.index_select(0, partners(labels, generator))
        return torch.lerp(others, images, share[:, None, None, None].to(images.device))


def partners(labels: Tensor, generator: torch.Generator) -> Tensor:
    """Return the index of another example with the same label for each example, or its own: [b]."""
    count, device = len(labels), labels.device
    shuffled = permutation(count, generator).to(device)
    order = shuffled[labels[shuffled].argsort(stable=True)]
    ordered = labels[order]
    following = torch.arange(1, count + 1, device=device)
    last = torch.ones(count, dtype=torch.bool, device=device)
    last[:-1] = ordered[1:] != ordered[:-1]
    following = torch.where(last, torch.searchsorted(ordered, ordered), following)
    return torch.empty_like(order).index_copy_(0, order, order[following])
