"""Asynchronous successive halving, the stopping kind, as a pure rule.

Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020. A trial that
arrives at a rung goes on if its value is in the best ``1 / reduction_factor`` of those recorded
there before it; the first arrival always goes on. The rule decides as Ray's ``ASHAScheduler``
does with one bracket, except that a non-finite value is never recorded and never goes on.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, field

from hpo.core.objective import Mode


def milestones(first: int, factor: int, horizon: int) -> tuple[int, ...]:
    """Epochs at which trials are compared: first, first * factor, ... below the horizon."""
    rungs = []
    epoch = first
    while epoch < horizon:
        rungs.append(epoch)
        epoch *= factor
    return tuple(rungs)


def quantile(ascending: list[float], share: float) -> float:
    """Quantile of sorted values by linear interpolation, as numpy's default."""
    place = share * (len(ascending) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ascending) - 1)
    return ascending[low] + (ascending[high] - ascending[low]) * (place - low)


@dataclass
class AshaRule:
    """Decides at each rung whether a trial goes on.

    Attributes:
        epochs: Rungs in ascending order; none means that nothing is ever stopped.
        reduction_factor: One trial in this many goes on.
        mode: Direction of the values handed in.
    """

    epochs: tuple[int, ...]
    reduction_factor: float = 3
    mode: Mode = "max"
    recorded: dict[int, list[float]] = field(default_factory=dict)

    def report(self, epoch: int, value: float, trial: int = 0) -> bool:
        """Record a trial's value at an epoch and say whether it goes on.

        Args:
            epoch: Epochs trained so far; anything but a rung goes on.
            value: What the trial counts by after that epoch.
            trial: Its number, which changes nothing here.
        """
        if epoch not in self.epochs:
            return True
        if not math.isfinite(value):
            return False
        rising = value if self.mode == "max" else -value
        before = self.recorded.setdefault(epoch, [])
        goes_on = not before or rising >= quantile(before, 1 - 1 / self.reduction_factor)
        bisect.insort(before, rising)
        return goes_on

    def forget(self, trial: int) -> None:
        """A trial failed; what it recorded stays, as with Ray."""
