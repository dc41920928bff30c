"""The time at which a search stops starting trials, so that enough is left for the finalists.

Finalists are slower than the average trial if larger networks are better, and the last round of trainings
leaves workers idle. So time is reserved for whole rounds, at the pace of the trials that would be
finalists now.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable

from hpo.core.formatting import duration
from hpo.core.history import History
from hpo.core.training_state import Training
from hpo.running.limits import gpu_seconds_limit, seconds_limit
from hpo.running.plan import Plan

BESIDE = 3
"""Epochs' worth of time reserved in addition: for the epoch that runs when time is up, the one that its
worker begins before the verdict arrives, and the test with the export."""

OVERRUN = 1.25
"""Times the limit that a search may take to train its best trial on, if none was fully trained in time."""

TOO_SHORT = "the time is too short"


class TimeReserve:
    """The time limit of a search, over all its sessions.

    Args:
        plan: Limits, and the epochs the finalists need.
        clock: Returns monotonic seconds.
    """

    def __init__(self, plan: Plan, clock: Callable[[], float]):
        self._plan = plan
        self._clock = clock
        self._began = clock()
        self._before = self._before_gpu = 0.0
        self._best: list[tuple[float, float]] = []

    def resume(self, history: History) -> None:
        """Add the time that earlier sessions used."""
        self._before, self._before_gpu = history.active, history.gpu_seconds

    def fully_trained(self, trial: Training) -> None:
        """Record a fully trained trial, which may become a finalist."""
        bisect.insort(self._best, (-self._plan.objective.rising(trial.value), trial.seconds / trial.epoch))
        del self._best[self._plan.finalists :]

    def spent(self, history: History) -> bool:
        """Return whether the remaining time is needed for the finalists, the test and the export."""
        plan = self._plan
        seconds, gpu_seconds = seconds_limit(plan, history), gpu_seconds_limit(plan, history)
        if seconds is None and gpu_seconds is None:
            return False
        ahead = self._clock() - self._began + self._reserved(history)
        if seconds is not None and self._before + ahead >= seconds:
            return True
        held = history.gpus_held or plan.gpus
        return gpu_seconds is not None and self._before_gpu + ahead * held >= gpu_seconds

    def shortage(self, history: History) -> str:
        """Return why the time is too short for one full training and the finalists; empty if it is not.

        The best trial of a search in which none was fully trained is trained on, even if that takes a
        little longer than the limit. A search that would take `OVERRUN` times its limit ends instead.
        """
        plan, best = self._plan, history.best
        seconds, gpu_seconds = seconds_limit(plan, history), gpu_seconds_limit(plan, history)
        limits = [] if seconds is None else [(seconds, self._before)]
        if gpu_seconds is not None and (held := history.gpus_held or plan.gpus):
            limits.append((gpu_seconds / held, self._before_gpu / held))
        for limit, before in limits:
            spent = before + self._clock() - self._began
            if best is None:
                if spent >= limit:
                    return f"{TOO_SHORT}: {duration(limit)} had passed before a first epoch was trained"
                continue
            pace = best.seconds / best.epoch if best.epoch else self._pace(history)
            ends = spent + pace * (plan.horizon - best.epoch) + self._reserved(history)
            if ends > OVERRUN * limit:
                return (
                    f"{TOO_SHORT}: a full training takes about {duration(pace * plan.horizon)}, and one with "
                    f"the finalists would end after about {duration(ends)} of {duration(limit)}; set a "
                    "longer time, fewer epochs (scheduler.max_epochs), or fewer finalists or seeds"
                )
        return ""

    def _reserved(self, history: History) -> float:
        plan = self._plan
        rounds = math.ceil(plan.reserved_epochs / plan.horizon / (history.workers or plan.workers))
        return self._pace(history) * (rounds * plan.horizon + BESIDE)

    def _pace(self, history: History) -> float:
        """Return seconds per epoch of the best fully trained trials, or of all trials if there are none."""
        if self._best:
            return sum(seconds for _, seconds in self._best) / len(self._best)
        return history.trained / history.trained_epochs if history.trained_epochs else 0.0
