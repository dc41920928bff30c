"""Batches in which an image occurs more than once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from trainables.augmentation.geometry import Shape


@dataclass(frozen=True)
class RepeatedAugmentation:
    """Each image several times in its batch, augmented differently (Hoffer et al. 2020)."""

    shape: Shape
    strength: float
    repeats: int


def repeat_batches(order: Tensor, batch_size: int, repeats: int = 1) -> Iterator[Tensor]:
    """Cut a shuffled epoch into batches in which each image occurs several times.

    There are as many batches as without repeats, of the same size, so an epoch sees ``1 / repeats`` of
    the images, ``repeats`` times each (the last one of a batch fewer times if ``repeats`` does not
    divide its size).

    Args:
        order: Shuffled rows [n] of an epoch.
        batch_size: Examples in a batch; the last one may be smaller.
        repeats: Times that an image occurs in its batch.

    Yields:
        Rows of one batch.
    """
    taken = 0
    for begin in range(0, len(order), batch_size):
        size = min(batch_size, len(order) - begin)
        distinct = -(-size // repeats)
        rows = order[taken : taken + distinct]
        yield rows if repeats == 1 else rows.repeat_interleave(repeats)[:size]
        taken += distinct
