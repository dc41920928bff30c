"""What the rooms expect of each other, so that none imports another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from hpo.core.events import Cause, Checkpointed, End, Event
from hpo.core.record import Recorded
from hpo.core.space import Point


class Searcher(Protocol):
    """Proposes points and learns from what becomes of them.

    Everything it knows it was told in the order of the ledger's events, so that a replay of the
    ledger rebuilds it, and everything random in a proposal is seeded from (search seed, trial
    number), so that the same history gives the same proposal.
    """

    def ask(self, trial: int) -> Point | None:
        """Propose the point of a trial; None if nothing is left to propose (a grid's end)."""
        ...

    def started(self, trial: int, point: Point) -> None:
        """A trial runs at this point, whoever proposed it."""
        ...

    def report(self, trial: int, epoch: int, value: float) -> None:
        """A running trial counts by this value after that epoch; non-finite if it diverged."""
        ...

    def tell(self, trial: int, end: End, value: float, cause: Cause | None = None) -> None:
        """A trial is over; the value is what it counts by, NaN if it never had one."""
        ...


Follow = Callable[[list[Recorded]], Sequence[Event]]
"""What follows from events that are being committed; it goes on record with them or not at all.

Asked again of what followed, until nothing does."""


class Ledger(Protocol):
    """The append-only record of one search."""

    def append(self, events: Sequence[Event], then: Follow | None = None) -> list[Recorded]:
        """Commit events to disk, all or none, before anyone acts on them.

        Args:
            events: What happened.
            then: Says inside the commit what follows from them.
        """
        ...

    def read(self, after: int = 0) -> Iterator[Recorded]:
        """Events with a sequence number above ``after``, in order."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingTask:
    """A training for a worker to do.

    Attributes:
        trial: Number of the trial.
        replicate: 0, or the number of the fresh seed.
        recipe: What to train, complete.
        seed: Source of its randomness.
        horizon: Epochs of a full training.
        pauses: Epochs after which the worker waits for a verdict.
        checkpoints: From which it can go on, newest first; none at a fresh start.
        keep_weights: Whether the weights of the epoch that counts are kept when it ends, and
            scored on the final part of the validation data if there is one.
        split: Name of the split whose rows it trains and validates on.
        until: Epochs after which it ends, though schedules stretch to the horizon; then nothing is
            held out, and the last epoch's weights are kept. None for a full training.
        averages: So many last epochs' weights are averaged, and their mean is kept; 0 for none.
    """

    trial: int
    replicate: int
    recipe: Mapping[str, Any]
    seed: int
    horizon: int
    pauses: tuple[int, ...] = ()
    checkpoints: tuple[Checkpointed, ...] = ()
    keep_weights: bool = False
    split: str = "search"
    until: int | None = None
    averages: int = 0

    @property
    def key(self) -> tuple[int, int]:
        """(trial, replicate), unique in a search."""
        return self.trial, self.replicate

    @property
    def epochs(self) -> int:
        """Epochs to train in all."""
        return self.until or self.horizon
