"""The stopping variant of asynchronous successive halving, as a pure rule.

Li et al., "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020. A trial that
reaches a rung continues if its value is among the best ``1 / reduction_factor`` of those recorded
there before it; the first trial to arrive always continues. The decisions equal those of Ray's
``ASHAScheduler`` with one bracket, except that a trial with a non-finite value never continues and its
value is not recorded.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass, field

from hpo.core.objective import Mode


def quantile(ascending: list[float], share: float) -> float:
    """Return a quantile of sorted values by linear interpolation, numpy's default."""
    position = share * (len(ascending) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ascending) - 1)
    return ascending[low] + (ascending[high] - ascending[low]) * (position - low)


@dataclass
class AshaRule:
    """Decides at each rung whether a trial continues.

    Attributes:
        epochs: Rungs in ascending order; if empty, no trial is ever stopped.
        reduction_factor: One trial in this many continues.
        mode: Direction of the reported values.
    """

    epochs: tuple[int, ...]
    reduction_factor: float
    mode: Mode
    recorded: dict[int, list[float]] = field(default_factory=dict)

    def report(self, epoch: int, value: float, trial: int = 0) -> bool:
        """Record a trial's value at an epoch and return whether the trial continues.

        Args:
            epoch: Epochs trained so far; at any epoch but a rung the trial continues.
            value: The trial's objective value after that epoch.
            trial: Its number, which this rule does not use.
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
        """Handle a failed trial: its recorded values stay, as in Ray."""
