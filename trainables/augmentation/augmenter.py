"""All parts of an augmentation as one function of a batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from trainables.augmentation.geometry import Distortion, Geometry, Placement, Shape
from trainables.augmentation.mixing import InClassMixing, Mixer, Mixing


class Step(Protocol):
    """Something that changes images and leaves labels alone."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]; the result has the same shape."""
        ...


@dataclass(frozen=True)
class Augmenter:
    """Everything that an augmentation does, in the order in which it does it.

    Attributes:
        steps: Changes of images.
        in_class: Mixing within classes, if on.
        mixing: Mixing of images and labels, if on.
    """

    steps: tuple[Step, ...]
    in_class: InClassMixing | None = None
    mixing: Mixing | None = None

    def __call__(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Augment a batch.

        Args:
            images: Float tensor [b, c, h, w] in [0, 1]; it is not changed.
            labels: Int64 tensor [b].
            generator: Source of all randomness.

        Returns:
            Images like those given, and targets: the labels, or with mixup or CutMix a float tensor
            [b, classes] whose rows sum to one.
        """
        for step in self.steps:
            images = step(images, generator)
        if self.in_class is not None:
            images = self.in_class(images, labels, generator)
        if self.mixing is not None:
            return self.mixing(images, labels, generator)
        return images, labels


def assemble(parts: Sequence[object], shape: Shape, classes: int) -> Augmenter | None:
    """Join parts, given in the order of the table: geometry to one step, mixers to another.

    Returns:
        None if no part changes images (repeated augmentation and MIMO do not).
    """
    placements = tuple(part for part in parts if isinstance(part, Placement))
    distortions = tuple(part for part in parts if isinstance(part, Distortion))
    mixers = tuple(part for part in parts if isinstance(part, Mixer))
    in_class = next((part for part in parts if isinstance(part, InClassMixing)), None)
    steps: list[Step] = [Geometry(shape, placements, distortions)] if placements or distortions else []
    apart = {id(part) for part in (*placements, *distortions, *mixers, in_class)}
    steps += [part for part in parts if callable(part) and id(part) not in apart]
    mixing = Mixing(mixers, classes) if mixers else None
    if not (steps or in_class or mixing):
        return None
    return Augmenter(tuple(steps), in_class, mixing)
