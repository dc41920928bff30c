"""A rung rule that pauses trials instead of stopping them: asynchronous successive halving by promotion.

Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020, Algorithm 2. A trial goes on
if it is among the best ``1 / reduction_factor`` of all that have reached its rung. If not, it is paused: as
more trials reach the rung, more of them qualify, and one that does is taken up before a new trial starts.
So a trial that came early, or started slowly, can still become the best; a rule that stops trials for good
must be right about each of them at its first rung.

Where the first epochs mislead, a trial that starts slowly never qualifies, however many follow. So one trial
in ``slow_starters`` passes the first rung whatever its value; the others are compared with it as before.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from hpo.core.objective import Mode
from hpo.core.pausing_rung import Entry, PausingRung, entry_of

MOST_PAUSED = 40
"""Most trials paused at once, if a spec does not say: with a factor of 3, what more than 100 trials need."""


SLOW_STARTERS = 6
"""One trial in this many passes the first rung, if a spec does not say. On recorded trainings, fewer searches
missed their target, and none of the families needed many more epochs."""


def passes_first_rung(trial: int, slow_starters: int) -> bool:
    """Return whether a trial passes the first rung whatever its value: one in ``slow_starters``."""
    return slow_starters > 0 and trial % slow_starters == slow_starters // 2


@dataclass
class PromoteRule:
    """Decides at each rung whether a trial goes on or is paused, and which paused trial is taken up.

    Attributes:
        epochs: Rungs in ascending order; if empty, no trial is paused.
        reduction_factor: One trial in this many goes on.
        mode: Direction of the reported values.
        most_paused: Most trials paused at once.
        slow_starters: One trial in this many passes the first rung whatever its value; 0 for none.
    """

    epochs: tuple[int, ...]
    reduction_factor: float
    mode: Mode
    most_paused: int = MOST_PAUSED
    slow_starters: int = 0
    _rungs: dict[int, PausingRung] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rungs = {epoch: PausingRung() for epoch in sorted(self.epochs, reverse=True)}

    def report(self, epoch: int, value: float, trial: int = 0) -> bool:
        """Record a trial's value at an epoch and return whether the trial goes on.

        Args:
            epoch: Epochs trained so far; at any epoch but a rung the trial goes on.
            value: The trial's objective value after that epoch.
            trial: Its number.
        """
        rung = self._rungs.get(epoch)
        if rung is None:
            return True
        if not math.isfinite(value):
            return False
        rung.arrive(entry_of(value, trial, self.mode))
        goes_on = self._qualified(rung) == trial or (
            epoch == min(self.epochs) and passes_first_rung(trial, self.slow_starters)
        )
        if goes_on:
            self.taken_up(trial)
        return goes_on

    def take_up(self) -> int | None:
        """Return the paused trial that qualifies at the highest rung; None if no trial does."""
        qualified = (self._qualified(rung) for rung in self._rungs.values())
        return next((trial for trial in qualified if trial is not None), None)

    def furthest(self) -> int | None:
        """Return the best trial paused at the highest rung, whether or not it qualifies."""
        return next((rung.paused[0][1] for rung in self._rungs.values() if rung.paused), None)

    def surplus(self) -> int | None:
        """Return the paused trial that is furthest from qualifying, if too many are paused."""
        if sum(len(rung.paused) for rung in self._rungs.values()) <= self.most_paused:
            return None
        last = [(self._missing(rung, rung.paused[-1]), rung.paused[-1]) for rung in self._occupied()]
        return max(last)[1][1]

    def taken_up(self, trial: int) -> None:
        """Record that a paused trial goes on."""
        self.forget(trial)

    def forget(self, trial: int) -> None:
        """Handle a trial that is no longer paused or has failed; others are still compared with it."""
        for rung in self._occupied():
            rung.leave(trial)

    def _occupied(self) -> Iterator[PausingRung]:
        return (rung for rung in self._rungs.values() if rung.paused)

    def _qualified(self, rung: PausingRung) -> int | None:
        if rung.paused and self._missing(rung, rung.paused[0]) <= 0:
            return rung.paused[0][1]
        return None

    def _missing(self, rung: PausingRung, entry: Entry) -> float:
        """Return how many more trials must reach the rung, all of them worse, before one qualifies."""
        return (rung.rank(entry) + 1) * self.reduction_factor - len(rung.arrived)
