"""Estimates what partly trained trials would reach, so that a model can learn from all of them.

A value after 3 epochs and one after 27 are not the same quantity. Values are carried from rung to
rung by a linear regression on the trials that went on, its slope shrunk towards 1 while there are
few. Only the order of the results is used: ranks become normal scores, which neither a diverging
loss nor the scale of a metric can distort.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SHRINK = 4
"""Weight of the prior of a slope, in trials."""


@dataclass(slots=True)
class PartialResult:
    """What a trial has reported so far.

    Attributes:
        row: Its row in the space's encoding.
        epoch: Epochs trained.
        value: Value it counts by so far; lower is better.
        marks: That value at each rung it reached.
        diverged: Whether it ended with non-finite values.
    """

    row: Array
    epoch: int = 0
    value: float = math.inf
    marks: list[float] = field(default_factory=list)
    diverged: bool = False

    @property
    def order(self) -> tuple[int, float]:
        """Sort key: longer trained first, then better."""
        return -self.epoch, self.value


class PartialResults:
    """Trials with results, in the order of their first one.

    Args:
        levels: Rungs and the horizon, ascending.
        cap: Most trials used: half of them the longest trained and best, half the latest.
    """

    def __init__(self, levels: Sequence[int], cap: int = 80):
        self._levels = tuple(levels)
        self._cap = cap
        self.pending: dict[int, PartialResult] = {}
        self._shown: list[int] = []
        self._running: dict[int, PartialResult] = {}
        self._elite: list[tuple[tuple[int, float], int]] = []
        self._kept: dict[int, PartialResult] = {}

    def __len__(self) -> int:
        return len(self._shown)

    def start(self, trial: int, row: Array) -> None:
        """Note that a trial runs at a row."""
        self.pending[trial] = PartialResult(row)

    def report(self, trial: int, epoch: int, value: float) -> None:
        """Note the finite value by which a running trial counts after an epoch."""
        result = self.pending.get(trial) or self._running.get(trial)
        if result is None:
            return
        result.epoch, result.value = epoch, value
        reached = bisect_right(self._levels, epoch)
        result.marks += [value] * (reached - len(result.marks))
        if result.marks and trial in self.pending:
            self._promote(trial)

    def end(self, trial: int, diverged: bool = False) -> None:
        """Note that a trial has ended; one that diverged ranks behind all others."""
        if diverged and trial in self.pending:
            self._promote(trial)
        self.pending.pop(trial, None)
        result = self._running.pop(trial, None)
        if result is None:
            return
        result.diverged = diverged
        if not diverged:
            insort(self._elite, (result.order, trial))
            del self._elite[self._cap // 2 :]

    def chosen(self) -> list[PartialResult]:
        """Return the trials to use, oldest first; their number is bounded, and so is the cost."""
        if len(self._shown) <= self._cap:
            return [self._kept[trial] for trial in self._shown]
        running = [(s.order, trial) for trial, s in self._running.items()]
        best = {trial for _, trial in sorted(self._elite + running)[: self._cap // 2]}
        late = [t for t in reversed(self._shown[-self._cap :]) if t not in best][: self._cap - len(best)]
        return [self._kept[trial] for trial in sorted(best | set(late))]

    def _promote(self, trial: int) -> None:
        self._running[trial] = self._kept[trial] = self.pending.pop(trial)
        self._shown.append(trial)
        if len(self._kept) > 8 * self._cap:
            kept = {t for _, t in self._elite} | set(self._running) | set(self._shown[-self._cap :])
            self._kept = {t: self._kept[t] for t in self._kept if t in kept}


def expected(results: Sequence[PartialResult], levels: int) -> Array:
    """Return the value [n] each trial is expected to reach after a full training; infinite if it diverged.

    Args:
        results: Trials with at least one mark, unless they diverged.
        levels: Number of rungs, including the horizon.
    """
    estimates = np.full(len(results), math.inf)
    sound = [i for i, result in enumerate(results) if not result.diverged]
    if not sound:
        return estimates
    marks = np.full((len(sound), levels), math.inf)
    for row, i in zip(marks, sound, strict=True):
        row[: len(results[i].marks)] = results[i].marks
    ceiling = float(np.median(marks[:, 0]))  # beyond it, differences are noise
    value = np.minimum([results[i].value for i in sound], ceiling)
    level = np.array([len(results[i].marks) - 1 for i in sound])
    marks = np.minimum(marks, ceiling)
    for step in range(levels - 1):
        went, stayed = level > step, level <= step
        if went.any():
            value[stayed] = _carried(value[stayed], marks[went, step], marks[went, step + 1])
    estimates[sound] = value
    return estimates


def _carried(values: Array, before: Array, after: Array) -> Array:
    """Extrapolate values to the next rung, by the trials whose values are known at both."""
    spread, pull = float(before.var()), SHRINK / len(before)
    together = float(np.mean((before - before.mean()) * (after - after.mean())))
    slope = (together + pull * spread) / (spread * (1 + pull) + 1e-12) if len(before) > 1 else 1.0
    return np.asarray(after.mean() + min(max(slope, 0.0), 1.5) * (values - before.mean()))


def normal_scores(values: Array) -> Array:
    """Return ranks as standard normal quantiles [n], highest for the lowest value; ties share one."""
    n, order = len(values), np.sort(values)
    below, upto = np.searchsorted(order, values, "left"), np.searchsorted(order, values, "right")
    quantile = NormalDist().inv_cdf
    return np.array([quantile(1 - float(lo + hi) / (2 * n)) for lo, hi in zip(below, upto, strict=True)])
