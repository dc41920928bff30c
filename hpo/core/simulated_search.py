"""A search without trainings: what a rung rule makes of trials whose order is the same at every rung."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from hpo.core.stopping_rules import PausingRule, StoppingRule

LONG = 1_000
"""Trials after which a simulated search is extrapolated from its second half."""


class SimulatedSearch:
    """Counts the trials, full trainings and epochs of one search.

    Args:
        rule: A rule without reports, for values of which higher is better.
        rungs: Epochs at which it compares trials.
        horizon: Epochs of a full training.
        trials: Most trials to start.
        epochs: Most epochs to train.
        finalists: Fully trained trials at the end, if the rule only paused trials.
    """

    def __init__(
        self,
        rule: StoppingRule,
        rungs: Sequence[int],
        horizon: int,
        trials: float,
        epochs: float,
        finalists: int,
    ):
        self._rule, self._rungs, self._horizon = rule, rungs, horizon
        self._trials, self._epochs, self._finalists = trials, epochs, finalists
        self._values: list[float] = []
        self._trained: list[int] = []
        self._spent = self._full = 0

    def run(self, random: Random) -> tuple[float, float, float]:
        """Return trials, full trainings and epochs, extrapolated if the search is long."""
        half = (0, 0, 0)
        while self._spent < self._epochs and (trial := self._next(random)) is not None:
            self._train(trial)
            if len(self._values) == LONG // 2:
                half = len(self._values), self._full, self._spent
        started, full, spent = len(self._values), self._full, self._spent
        if started == LONG and self._trials > LONG and spent < self._epochs:
            late, late_full, late_spent = started - half[0], full - half[1], spent - half[2]
            more = min(self._trials - LONG, (self._epochs - spent) / (late_spent / late))
            return started + more, full + late_full / late * more, spent + late_spent / late * more
        return started, full, min(spent, self._epochs)

    def _next(self, random: Random) -> int | None:
        """Return the trial to train next, as a search with one worker chooses it."""
        pausing = self._rule if isinstance(self._rule, PausingRule) else None
        if pausing and (qualified := pausing.take_up()) is not None:
            pausing.taken_up(qualified)
            return qualified
        if len(self._values) < min(self._trials, LONG):
            self._values.append(random.random())
            self._trained.append(0)
            return len(self._values) - 1
        if pausing and self._full < self._finalists and (best := pausing.furthest()) is not None:
            pausing.taken_up(best)
            return best
        return None

    def _train(self, trial: int) -> None:
        """Train a trial until the rule does not let it go on."""
        value, before = self._values[trial], self._trained[trial]
        ahead = (rung for rung in self._rungs if rung > before)
        until = next((rung for rung in ahead if not self._rule.report(rung, value, trial)), self._horizon)
        if until == self._horizon:
            self._rule.report(until, value, trial)
            self._full += 1
        self._trained[trial] = until
        self._spent += until - before
