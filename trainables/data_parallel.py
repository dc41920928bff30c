"""Training on one batch with several processes: each takes a part of it, and gradients are added up.

The sum is the gradient of the whole batch's loss, so a recipe has the same learning curve in any number of
processes up to rounding, except for what is drawn inside the network (dropout) and what works over a batch
(batch norm), which sees a process's part. torch's ``DistributedDataParallel`` is not used, because it
supports neither gradients of gradients (penalties on inputs) nor parts of unequal size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist
from torch import nn

from hpo.core.distributed import Distributed
from hpo.core.errors import UserError
from hpo.core.seeds import derive

Value = TypeVar("Value")


class Processes(Protocol):
    """The processes that train one trial.

    Attributes:
        first: Whether this is the one whose reports are recorded.
    """

    first: bool

    def part(self, count: int) -> slice:
        """Return the part of a batch that this process trains on; it can be empty."""
        ...

    def add_up(self, parameters: Sequence[nn.Parameter], share: float) -> None:
        """Replace gradients by their sum over the processes.

        Args:
            parameters: Those that are trained.
            share: Share of the batch that this process has trained on.
        """
        ...

    def seed(self, seed: int, *purpose: int | str) -> None:
        """Seed what is drawn inside the network, differently in each process."""
        ...

    def others(self, compute: Callable[[], Value]) -> list[Value]:
        """Return in the first process what the others compute."""
        ...

    def of_first(self, compute: Callable[[], Value]) -> Value:
        """Return what the first process computes, in all of them."""
        ...


class OneProcess:
    """A training without other processes."""

    first = True

    def part(self, count: int) -> slice:
        """Return the whole batch."""
        return slice(0, count)

    def add_up(self, parameters: Sequence[nn.Parameter], share: float) -> None:
        """Leave the gradients as they are."""

    def seed(self, seed: int, *purpose: int | str) -> None:
        """Leave the random state as it is."""

    def others(self, compute: Callable[[], Value]) -> list[Value]:
        """Return nothing."""
        return []

    def of_first(self, compute: Callable[[], Value]) -> Value:
        """Return what is computed."""
        return compute()


class SeveralProcesses:
    """One of several processes; see `Processes`.

    Args:
        place: This process.
    """

    def __init__(self, place: Distributed):
        self._place, self.first = place, place.first

    def part(self, count: int) -> slice:
        """Return this process's rows of a batch.

        In a small last batch of an epoch, some processes get none, so that no process gets a single row,
        which has no variance to normalize by.
        """
        parts = min(self._place.world_size, max(1, count // 2))
        rank = min(self._place.rank, parts)
        return slice(count * rank // parts, count * min(rank + 1, parts) // parts)

    def add_up(self, parameters: Sequence[nn.Parameter], share: float) -> None:
        """Replace gradients by their sum over the processes, each weighted by its share of the batch."""
        # On the CPU, so that no process waits for its GPU: a block that is skipped leaves no gradients.
        present = torch.tensor([p.grad is not None for p in parameters], dtype=torch.int32)
        dist.all_reduce(present)
        used = [p for p, count in zip(parameters, present.tolist(), strict=True) if count]
        for group in _by_type(used):
            flat = torch.cat(
                [torch.zeros_like(p).flatten() if p.grad is None else p.grad.flatten() for p in group]
            ).mul_(share)
            dist.all_reduce(flat)
            for parameter, part in zip(group, torch.split(flat, [p.numel() for p in group]), strict=True):
                if parameter.grad is None:
                    parameter.grad = torch.empty_like(parameter)
                parameter.grad.copy_(part.view_as(parameter))

    def seed(self, seed: int, *purpose: int | str) -> None:
        """Seed torch's global random state; the first process keeps that of a training without others."""
        if not self.first:
            torch.manual_seed(derive(seed, *purpose, "rank", self._place.rank))

    def others(self, compute: Callable[[], Value]) -> list[Value]:
        """Return in the first process what the others compute, in their order; an empty list in those."""
        values: list[Any] | None = [None] * self._place.world_size if self.first else None
        dist.gather_object(None if self.first else compute(), values)
        return values[1:] if values else []

    def of_first(self, compute: Callable[[], Value]) -> Value:
        """Return what the first process computes; the others wait for it."""
        values: list[Any] = [compute() if self.first else None]
        dist.broadcast_object_list(values)
        value: Value = values[0]
        return value


def processes_of(place: Distributed | None, batch_size: int) -> Processes:
    """Return the processes that train a recipe.

    Args:
        place: This process; None if there are no others.
        batch_size: Rows of a batch, over all processes.

    Raises:
        UserError: If they cannot share a batch equally.
    """
    if place is None:
        return OneProcess()
    if batch_size % place.world_size:
        raise UserError(
            f"batch_size: {batch_size} rows cannot be shared equally by {place.world_size} processes; "
            f"legal here: multiples of {place.world_size}"
        )
    return SeveralProcesses(place)


def _by_type(parameters: Sequence[nn.Parameter]) -> list[list[nn.Parameter]]:
    groups: dict[Any, list[nn.Parameter]] = {}
    for parameter in parameters:
        groups.setdefault((parameter.dtype, parameter.device), []).append(parameter)
    return list(groups.values())
