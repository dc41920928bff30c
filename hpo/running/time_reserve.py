"""When a search must stop trying points, so that its time holds the finalists' trainings too.

The finalists are slower than the average trial where larger networks are better, and a training in
the last round leaves workers idle. So time is set aside for whole rounds, at the pace of the trials that
would be finalists now.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable

from hpo.core.history import History, Training
from hpo.running.plan import Plan

BESIDE = 3
"""Epochs' worth of time that is set aside on top: for the one under way when time is up, the one that its
worker begins before it hears of that, and the test with the export."""


class TimeReserve:
    """The time of a search, over all its sessions.

    Args:
        plan: Limits, and what the finalists will train.
        clock: Seconds, from any start.
    """

    def __init__(self, plan: Plan, clock: Callable[[], float]):
        self._plan = plan
        self._clock = clock
        self._began = clock()
        self._before = self._before_gpu = 0.0
        self._best: list[tuple[float, float]] = []

    def resume(self, history: History) -> None:
        """Count from what earlier sessions used."""
        self._before, self._before_gpu = history.active, history.gpu_seconds

    def fully_trained(self, trial: Training) -> None:
        """A trial came to its end: it may be a finalist."""
        bisect.insort(self._best, (-self._plan.objective.rising(trial.value), trial.seconds / trial.epoch))
        del self._best[self._plan.finalists :]

    def spent(self, history: History) -> bool:
        """Whether what is left is what the finalists' trainings, the test and the export will take."""
        plan = self._plan
        if plan.seconds is None and plan.gpu_seconds is None:
            return False
        ahead = self._clock() - self._began + self._set_aside(history)
        if plan.seconds is not None and self._before + ahead >= plan.seconds:
            return True
        return plan.gpu_seconds is not None and self._before_gpu + ahead * plan.gpus >= plan.gpu_seconds

    def _set_aside(self, history: History) -> float:
        plan = self._plan
        rounds = math.ceil(plan.reserved_epochs / plan.horizon / plan.workers)
        return self._pace(history) * (rounds * plan.horizon + BESIDE)

    def _pace(self, history: History) -> float:
        """Seconds of an epoch of the best trials that were fully trained, of all before there are any."""
        if self._best:
            return sum(seconds for _, seconds in self._best) / len(self._best)
        return history.trained / history.trained_epochs if history.trained_epochs else 0.0
