"""The interfaces through which packages use each other without importing each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from hpo.core.events import Cause, Checkpointed, End, Event
from hpo.core.json_values import RecipeFields
from hpo.core.record import Recorded
from hpo.core.space import Point


class Searcher(Protocol):
    """Proposes points and learns from their results.

    It receives everything in the order of the ledger's events, so that replaying the ledger rebuilds
    it. All randomness of a proposal is seeded from (search seed, trial number), so that the same history
    gives the same proposal.
    """

    def ask(self, trial: int) -> Point | None:
        """Propose the point of a trial; None if no point is left (the end of a grid)."""
        ...

    @property
    def reason(self) -> str:
        """Why it proposed the point that it returned last, a key of `hpo.core.proposals.REASONS`."""
        ...

    def started(self, trial: int, point: Point) -> None:
        """Record that a trial runs at a point, whether or not this searcher proposed it."""
        ...

    def report(self, trial: int, epoch: int, value: float) -> None:
        """Record a running trial's objective value after an epoch; non-finite if it diverged."""
        ...

    def timed(self, trial: int, seconds: float) -> None:
        """Record how long an epoch of a running trial took."""
        ...

    def limited(self, trial: int, excesses: Mapping[str, float]) -> None:
        """Record by how much a trial's latest report violates each constraint; positive if it does.

        Constraints on scores are left out until the trial is fully trained.
        """
        ...

    def paused(self, trial: int) -> None:
        """Record that a trial is paused after its last report."""
        ...

    def taken_up(self, trial: int, point: Point) -> None:
        """Record that a paused trial at a point continues."""
        ...

    def tell(self, trial: int, end: End, value: float, cause: Cause | None = None) -> None:
        """Record how a trial ended and its objective value, NaN if it has none."""
        ...


Follow = Callable[[list[Recorded]], Sequence[Event]]
"""Returns events that follow from those being committed; all are committed together or not at all.

It is called again with the events it returned, until it returns none."""


class Ledger(Protocol):
    """The append-only record of one search."""

    def append(self, events: Sequence[Event], then: Follow | None = None) -> list[Recorded]:
        """Commit events to disk, all or none, before anyone acts on them.

        Args:
            events: What happened.
            then: Returns, inside the commit, the events that follow from them.
        """
        ...

    def read(self, after: int = 0, kinds: Sequence[type[Event]] = ()) -> Iterator[Recorded]:
        """Return events with a sequence number above ``after``, in order, of some kinds or of all."""
        ...


@dataclass(frozen=True, slots=True)
class TrainingTask:
    """A training that a worker is to run.

    Attributes:
        trial: Number of the trial.
        replicate: 0, or the number of the fresh seed.
        recipe: The complete recipe.
        seed: Source of its randomness.
        horizon: Epochs of a full training.
        pauses: Epochs after which the worker waits for a verdict.
        saves_at_pauses: Whether it writes a checkpoint before each of them.
        checkpoints: Checkpoints to continue from, newest first; empty for a fresh start.
        keep_weights: Whether the weights of the best epoch are kept at the end, and scored on the
            final part of the validation data if there is one.
        split: Name of the split whose rows it trains and validates on.
        until: Epochs after which it ends, though schedules stretch to the horizon; nothing is held out
            then, and the last epoch's weights are kept. None for a full training.
        averages: Number of last epochs whose mean weights are kept; 0 for no averaging.
        whole_gpu: Whether it gets a whole GPU, although the trials of the search share GPUs.
    """

    trial: int
    replicate: int
    recipe: RecipeFields
    seed: int
    horizon: int
    pauses: tuple[int, ...] = ()
    saves_at_pauses: bool = False
    checkpoints: tuple[Checkpointed, ...] = ()
    keep_weights: bool = False
    split: str = "search"
    until: int | None = None
    averages: int = 0
    whole_gpu: bool = False

    @property
    def key(self) -> tuple[int, int]:
        """(trial, replicate), unique in a search."""
        return self.trial, self.replicate

    @property
    def epochs(self) -> int:
        """Epochs to train in total."""
        return self.until or self.horizon
