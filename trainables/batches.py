"""How an epoch is cut into batches."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from trainables.augmentation.repeating import repeat_batches
from trainables.epoch_sampling import balanced_order, shuffled_order


@dataclass(frozen=True)
class Batches:
    """How an epoch is cut into batches.

    Attributes:
        examples: In the training part.
        size: Of a batch; the last one of an epoch may be smaller.
        repeats: How often an image occurs in its batch.
        labels: Label of each example, [examples], where classes are drawn equally often; else None.
        per_epoch: Examples of an epoch; None for as many as there are.
    """

    examples: int
    size: int
    repeats: int = 1
    labels: Tensor | None = None
    per_epoch: int | None = None

    def __len__(self) -> int:
        """Return the number of batches in an epoch."""
        return math.ceil(self._used / self.size)

    def shuffled(self, generator: torch.Generator) -> Iterator[Tensor]:
        """Yield the indices of the examples of each batch of a new epoch."""
        if self.labels is None and self.per_epoch is None:
            order = torch.randperm(self.examples, generator=generator)
        elif self.labels is None:
            order = shuffled_order(torch.arange(self.examples), self._drawn, generator)
        else:
            order = balanced_order(self.labels, self._drawn, generator)
        return repeat_batches(order[: self._used], self.size, self.repeats)

    @property
    def _drawn(self) -> int:
        return self.examples if self.per_epoch is None else self.per_epoch

    @property
    def _used(self) -> int:
        # A batch of one has no variance to normalize by, so that example is left out of this epoch.
        one_left_over = self._drawn > 1 and self.size > 1 and self._drawn % self.size == 1
        return self._drawn - one_left_over


def merge_batches(batches: Iterable[Tensor], limit: int) -> Iterator[list[Tensor]]:
    """Yield groups of consecutive batches with at most ``limit`` examples in total, or a single batch."""
    group: list[Tensor] = []
    for batch in batches:
        if group and sum(map(len, group)) + len(batch) > limit:
            yield group
            group = []
        group.append(batch)
    if group:
        yield group
