"""What half-trained trials are expected to reach, so that a model can learn from all of them.

A value after 3 epochs and one after 27 are not the same quantity. Values are carried from rung to
rung by a linear regression on the trials that went on, its slope pulled towards 1 while they are
few. Only the order of what comes out is used: ranks become normal scores, which no diverging
loss and no scale of a metric can distort.
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
"""How many trials the prior of a slope weighs."""


@dataclass(slots=True)
class PartialResult:
    """What a trial has shown.

    Attributes:
        row: Where it lies in the space.
        epoch: Epochs trained.
        value: What it counts by so far; lower is better.
        marks: That value when each rung was reached, as far as it came.
        diverged: Whether it ended in numbers that were none.
    """

    row: Array
    epoch: int = 0
    value: float = math.inf
    marks: list[float] = field(default_factory=list)
    diverged: bool = False

    @property
    def order(self) -> tuple[int, float]:
        """Further first, then better."""
        return -self.epoch, self.value


class PartialResults:
    """Trials that have shown something, in the order in which they first did.

    Args:
        levels: Rungs and the horizon, ascending.
        cap: Most trials that are looked at: half the furthest and best, half the latest.
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
        """A trial runs at a row."""
        self.pending[trial] = PartialResult(row)

    def report(self, trial: int, epoch: int, value: float) -> None:
        """A running trial counts by a finite value after an epoch."""
        standing = self.pending.get(trial) or self._running.get(trial)
        if standing is None:
            return
        standing.epoch, standing.value = epoch, value
        reached = bisect_right(self._levels, epoch)
        standing.marks += [value] * (reached - len(standing.marks))
        if standing.marks and trial in self.pending:
            self._show(trial)

    def end(self, trial: int, diverged: bool = False) -> None:
        """A trial is over; one that diverged ranks behind all others."""
        if diverged and trial in self.pending:
            self._show(trial)
        self.pending.pop(trial, None)
        standing = self._running.pop(trial, None)
        if standing is None:
            return
        standing.diverged = diverged
        if not diverged:
            insort(self._elite, (standing.order, trial))
            del self._elite[self._cap // 2 :]

    def chosen(self) -> list[PartialResult]:
        """The trials to look at, the oldest first; their number is bounded, and so is the cost."""
        if len(self._shown) <= self._cap:
            return [self._kept[trial] for trial in self._shown]
        running = [(s.order, trial) for trial, s in self._running.items()]
        best = {trial for _, trial in sorted(self._elite + running)[: self._cap // 2]}
        late = [t for t in reversed(self._shown[-self._cap :]) if t not in best][: self._cap - len(best)]
        return [self._kept[trial] for trial in sorted(best | set(late))]

    def _show(self, trial: int) -> None:
        self._running[trial] = self._kept[trial] = self.pending.pop(trial)
        self._shown.append(trial)
        if len(self._kept) > 8 * self._cap:
            wanted = {t for _, t in self._elite} | set(self._running) | set(self._shown[-self._cap :])
            self._kept = {t: self._kept[t] for t in self._kept if t in wanted}


def expected(standings: Sequence[PartialResult], levels: int) -> Array:
    """What each trial is expected to count by after a full training [n]; infinite if it diverged.

    Args:
        standings: Trials with at least one mark, unless they diverged.
        levels: Number of rungs, the horizon included.
    """
    found = np.full(len(standings), math.inf)
    sound = [i for i, standing in enumerate(standings) if not standing.diverged]
    if not sound:
        return found
    marks = np.full((len(sound), levels), math.inf)
    for row, i in zip(marks, sound, strict=True):
        row[: len(standings[i].marks)] = standings[i].marks
    ceiling = float(np.median(marks[:, 0]))  # beyond it, how bad is noise
    value = np.minimum([standings[i].value for i in sound], ceiling)
    level = np.array([len(standings[i].marks) - 1 for i in sound])
    marks = np.minimum(marks, ceiling)
    for step in range(levels - 1):
        went, stayed = level > step, level <= step
        if went.any():
            value[stayed] = _carried(value[stayed], marks[went, step], marks[went, step + 1])
    found[sound] = value
    return found


def _carried(values: Array, before: Array, after: Array) -> Array:
    """Values moved as those went that are known at both rungs."""
    spread, pull = float(before.var()), SHRINK / len(before)
    together = float(np.mean((before - before.mean()) * (after - after.mean())))
    slope = (together + pull * spread) / (spread * (1 + pull) + 1e-12) if len(before) > 1 else 1.0
    return np.asarray(after.mean() + min(max(slope, 0.0), 1.5) * (values - before.mean()))


def normal_scores(values: Array) -> Array:
    """Ranks as standard normal quantiles, the lowest value highest; equal values share one [n]."""
    n, order = len(values), np.sort(values)
    below, upto = np.searchsorted(order, values, "left"), np.searchsorted(order, values, "right")
    quantile = NormalDist().inv_cdf
    return np.array([quantile(1 - float(lo + hi) / (2 * n)) for lo, hi in zip(below, upto, strict=True)])
