"""A rung rule that compares trials with the leading trials at the same age.

Keeping a fixed share of trials is right only if early values predict late ones. With this rule a trial
continues while it is no worse than the worst of a few leaders was at the same rung: if the leaders
themselves started slowly, many trials continue, and if early values are predictive, few do. A trial
must also be in the better half of those that reached the rung. Until enough trials have passed a rung,
asynchronous successive halving decides there, except that the first trials of a search only serve as
a comparison for later ones.

A rule that learns from its leaders can exclude everything that starts more slowly than they did, however
good it would become. So after the epochs of two full trainings and of a dozen first rungs without a
fully trained trial, the next trial in the better half at the first rung is trained to the end
unjudged. If it becomes a leader, others are compared with its slow start. In a search that keeps finding
leaders this never happens.

Comparing a trial with the incumbents' curves was proposed by Domhan et al., IJCAI 2015; this rule needs no
model of curves. Rungs can be closer together than a reduction factor, because the rule does not stop a
fixed share at each.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from hpo.core.asha import quantile
from hpo.core.objective import Mode

LEADERS = 3
"""Trials with which another one is compared."""

COMPARED = 3
"""Trials that reach the first rung before one continues: one of the first three is rarely worth a full
training, and if the search ends there, it continues the best of them."""

FRUITLESS = 2
"""Full trainings' worth of epochs without a fully trained trial, after which one trial may continue.
With 1, searches on recorded curves took a twentieth longer, and more than that with several workers."""

YOUNG = 12
"""First rungs' worth of epochs without a fully trained trial that are required as well: if a full training
is only as long as three first rungs, six trials that all stopped are not evidence."""

ROSTER = 12
"""Most trials remembered at a rung they passed: as many as can become leaders soon."""


@dataclass(slots=True)
class _Climb:
    """A trial's values at the rungs it reached, how many of them it passed, and whether it has ended."""

    marks: list[float] = field(default_factory=list)
    passed: int = 0
    over: bool = False


@dataclass
class LeadersRule:
    """Decides at each rung whether a trial continues.

    A report takes time logarithmic in the number of trials, plus a constant for the leaders.

    Attributes:
        epochs: Rungs in ascending order.
        horizon: Epochs of a full training.
        reduction_factor: While few trials have passed a rung, one in this many continues.
        mode: Direction of the reported values.
    """

    epochs: tuple[int, ...]
    horizon: int
    reduction_factor: float
    mode: Mode
    _recorded: dict[int, list[float]] = field(default_factory=dict)
    _climbs: dict[int, _Climb] = field(default_factory=dict)
    _past: list[list[int]] = field(default_factory=list)
    _unjudged: set[int] = field(default_factory=set)
    _fruitless: int = 0

    def __post_init__(self) -> None:
        self._past = [[] for _ in self.epochs]

    def report(self, epoch: int, value: float, trial: int = 0) -> bool:
        """Record a trial's value at an epoch and return whether the trial continues.

        Args:
            epoch: Epochs trained so far.
            value: The trial's objective value after that epoch.
            trial: Its number.
        """
        self._leave_behind(epoch, trial)
        self._fruitless = 0 if epoch == self.horizon else self._fruitless + 1
        level = bisect.bisect_left(self.epochs, epoch)
        if epoch != self.horizon and epoch not in self.epochs[level : level + 1]:
            return True
        if not math.isfinite(value):
            self.forget(trial)
            return False
        rising = value if self.mode == "max" else -value
        climb = self._climbs.setdefault(trial, _Climb())
        climb.marks += [rising] * (level + 1 - len(climb.marks))
        goes_on = True
        if epoch != self.horizon:
            before = self._recorded.setdefault(epoch, [])
            goes_on = self._goes_on(level, rising, before, trial) or self._is_due(
                level, rising, before, trial
            )
            bisect.insort(before, rising)
        climb.over = not goes_on or epoch == self.horizon
        if climb.over:
            self._unjudged.discard(trial)
        self._drop_if_over(trial)
        return goes_on

    def forget(self, trial: int) -> None:
        """Handle a diverged trial: it is not a leader, however good its values were."""
        for roster in self._past:
            if trial in roster:
                roster.remove(trial)
        self._climbs.pop(trial, None)
        self._unjudged.discard(trial)

    def _goes_on(self, level: int, rising: float, before: list[float], trial: int) -> bool:
        leading = self._by_wins([other for other in self._past[level] if other != trial])[:LEADERS]
        if level == 0 and len(before) < COMPARED:
            return False
        if len(leading) < LEADERS:
            return not before or rising >= quantile(before, 1 - 1 / self.reduction_factor)
        weakest = min(self._climbs[other].marks[level] for other in leading)
        return _in_better_half(rising, before) and rising >= weakest

    def _is_due(self, level: int, rising: float, before: Sequence[float], trial: int) -> bool:
        """Return whether a weak trial continues because no trial has been fully trained for long."""
        long = max(FRUITLESS * self.horizon, YOUNG * self.epochs[0])
        if level == 0 and self._fruitless > long and _in_better_half(rising, before):
            self._fruitless = self.epochs[0] - self.horizon  # the epochs of this trial do not count
            self._unjudged.add(trial)
        return trial in self._unjudged

    def _leave_behind(self, epoch: int, trial: int) -> None:
        """Record the rungs that a trial has passed; a full roster drops its weakest trial."""
        climb = self._climbs.get(trial)
        while climb and climb.passed < len(self.epochs) and self.epochs[climb.passed] < epoch:
            roster = self._past[climb.passed]
            climb.passed += 1
            roster.append(trial)
            if len(roster) > ROSTER:
                weakest = self._by_wins(roster)[-1]
                roster.remove(weakest)
                self._drop_if_over(weakest)

    def _drop_if_over(self, trial: int) -> None:
        """Forget the values of a trial that has ended and is on no roster."""
        if self._climbs[trial].over and not any(trial in roster for roster in self._past):
            del self._climbs[trial]

    def _by_wins(self, trials: Sequence[int]) -> list[int]:
        """Return trials by pairwise wins, each pair compared at the last rung that both reached."""
        marks = [self._climbs[trial].marks for trial in trials]
        wins = dict.fromkeys(trials, 0.0)
        for position, (trial, ours) in enumerate(zip(trials, marks, strict=True)):
            for other, theirs in zip(trials[:position], marks[:position], strict=True):
                last = min(len(ours), len(theirs)) - 1
                ahead = (ours[last] > theirs[last]) - (ours[last] < theirs[last])
                wins[trial] += ahead
                wins[other] -= ahead
        return sorted(trials, key=lambda trial: (-wins[trial], trial))


def _in_better_half(rising: float, before: Sequence[float]) -> bool:
    """Return whether a value is in the better half of a rung's earlier values, given ascending."""
    better = len(before) - bisect.bisect_right(before, rising)
    return better < max(1.0, (len(before) + 1) / 2)
