"""All parts of an augmentation as one function of a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from trainables.augmentation.geometry import Distortion, Geometry, Placement, Shape
from trainables.augmentation.mixing import InClassMixing, Mixer, Mixing
from trainables.augmentation.original_crops import OriginalCrop


class Step(Protocol):
    """Something that changes images and not labels."""

    def __call__(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Change images [b, c, h, w]; the result has the same shape."""
        ...


@dataclass(frozen=True)
class Augmenter:
    """A complete augmentation, in the order in which it is applied.

    Attributes:
        steps: Changes of images.
        in_class: Mixing within classes, if on.
        mixing: Mixing of images and labels, if on.
        crop: The crop of stored images that comes first, if any.
    """

    steps: tuple[Step, ...]
    in_class: InClassMixing | None = None
    mixing: Mixing | None = None
    crop: OriginalCrop | None = None

    @property
    def takes_stored(self) -> bool:
        """Whether it begins with a crop and needs images as they are stored."""
        return self.crop is not None

    def __call__(self, images: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Augment a batch.

        Args:
            images: Float tensor [b, c, h, w] in [0, 1]; it is not modified.
            labels: Int64 tensor [b].
            generator: Source of all randomness.

        Returns:
            Images of the same shape, and targets: the labels, or with mixup or CutMix a float tensor
            [b, classes] whose rows sum to one.
        """
        return next(self.several(images, labels, [len(images)], generator))

    def several(
        self,
        images: Tensor,
        labels: Tensor,
        sizes: list[int],
        generator: torch.Generator,
        cropped: bool = False,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Augment several batches at once; only mixing is done batch by batch.

        Args:
            images: The images of all batches, one batch after the other.
            labels: Of the same images.
            sizes: Images of each batch.
            generator: Source of all randomness.
            cropped: Whether the crop that comes first was already cut.

        Yields:
            Images and targets of each batch.
        """
        if self.crop is not None and not cropped:
            images = self.crop(images, generator)
        for step in self.steps:
            images = step(images, generator)
        for batch_images, batch_labels in zip(
            torch.split(images, sizes), torch.split(labels, sizes), strict=True
        ):
            batch = (
                batch_images
                if self.in_class is None
                else self.in_class(batch_images, batch_labels, generator)
            )
            yield (
                (batch, batch_labels) if self.mixing is None else self.mixing(batch, batch_labels, generator)
            )


def assemble(
    parts: Sequence[object], shape: Shape, classes: int, crop: OriginalCrop | None = None
) -> Augmenter | None:
    """Combine parts, given in the order of the table: geometry into one step, mixers into another.

    A crop of stored images comes first.

    Returns:
        None if no part changes images (repeated augmentation and MIMO do not).
    """
    placements = tuple(part for part in parts if isinstance(part, Placement))
    distortions = tuple(part for part in parts if isinstance(part, Distortion))
    mixers = tuple(part for part in parts if isinstance(part, Mixer))
    in_class = next((part for part in parts if isinstance(part, InClassMixing)), None)
    steps: list[Step] = [Geometry(shape, placements, distortions)] if placements or distortions else []
    not_steps = {id(part) for part in (*placements, *distortions, *mixers, in_class)}
    steps += [part for part in parts if callable(part) and id(part) not in not_steps]
    mixing = Mixing(mixers, classes) if mixers else None
    if not (steps or in_class or mixing or crop):
        return None
    return Augmenter(tuple(steps), in_class, mixing, crop)
