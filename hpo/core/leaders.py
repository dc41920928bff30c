"""A rung rule that measures trials against the best ones when those were as young.

A fixed share of trials is right only if early values tell what late ones will be. Here a trial
goes on while it is no worse than the worst of a few leaders was at the same rung: where the
leaders themselves started slowly, much is let through, and where early values tell, little is. A
trial must also be in the better half of those that came to the rung. Until enough trials are past
a rung, asynchronous successive halving decides there, except that the first trials of a search
are only what later ones are compared with.

A rule that learns from its leaders can shut out whatever starts more slowly than they did, however
good it would become. So when as many epochs as two full trainings and a dozen first rungs take have
brought nobody to the end, the next trial in the better half at the first rung is trained to its end
unjudged; if it turns out to lead, its own slow start is what others are measured against. Where leaders
are found all along this never happens.

Comparing a trial with the incumbents' own curves is Domhan et al.'s idea, IJCAI 2015; here it
takes no model of curves. Rungs can lie closer together than a reduction factor apart, because the
rule does not stop a share at each.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from hpo.core.asha import quantile
from hpo.core.objective import Mode

LEADERS = 3
COMPARED = 3
"""Trials that come to the first rung before one goes on: one of the first three is rarely worth a full
training, and the search trains the best of them on if it ends there."""
FRUITLESS = 2
"""Full trainings' worth of epochs in which nobody came to the end, after which one trial is let through.
After one already, a search on recorded curves took a twentieth longer, and more with several workers."""
YOUNG = 12
"""First rungs that must have been fruitless as well: where a full training is as long as three of them, six
trials of which nobody went on are no evidence."""
ROSTER = 12
"""Most trials past a rung that are remembered there: as many as can soon be leaders."""


def close_milestones(first: int, factor: float, horizon: int) -> tuple[int, ...]:
    """Rungs at powers of the square root of a factor, while a full training is so much longer."""
    rungs: list[int] = []
    epoch = float(first)
    while epoch * math.sqrt(factor) <= horizon * (1 + 1e-9) and first < horizon:
        if not rungs or int(epoch + 1e-9) > rungs[-1]:
            rungs.append(int(epoch + 1e-9))
        epoch *= math.sqrt(factor)
    return tuple(rungs)


@dataclass(slots=True)
class _Climb:
    """What a trial counted by at each rung it reached, how many of them it left behind, if it is over."""

    marks: list[float] = field(default_factory=list)
    passed: int = 0
    over: bool = False


@dataclass
class LeadersRule:
    """Decides at each rung whether a trial goes on.

    A report costs the logarithm of the number of trials, and a constant for the leaders.

    Attributes:
        epochs: Rungs in ascending order.
        horizon: Epochs of a full training.
        reduction_factor: While few trials are past a rung, one in this many goes on.
        mode: Direction of the values handed in.
    """

    epochs: tuple[int, ...]
    horizon: int
    reduction_factor: float = 3
    mode: Mode = "max"
    _recorded: dict[int, list[float]] = field(default_factory=dict)
    _climbs: dict[int, _Climb] = field(default_factory=dict)
    _past: list[list[int]] = field(default_factory=list)
    _unjudged: set[int] = field(default_factory=set)
    _fruitless: int = 0

    def __post_init__(self) -> None:
        self._past = [[] for _ in self.epochs]

    def report(self, epoch: int, value: float, trial: int = 0) -> bool:
        """Take a trial's value at an epoch and say whether it goes on.

        Args:
            epoch: Epochs trained so far.
            value: What the trial counts by after that epoch.
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
        """A trial diverged: it leads nobody, however good it looked."""
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
        """Whether a trial goes on although it was found too weak, because nobody has for long."""
        long = max(FRUITLESS * self.horizon, YOUNG * self.epochs[0])
        if level == 0 and self._fruitless > long and _in_better_half(rising, before):
            self._fruitless = self.epochs[0] - self.horizon  # its own epochs are not held against it
            self._unjudged.add(trial)
        return trial in self._unjudged

    def _leave_behind(self, epoch: int, trial: int) -> None:
        """Note the rungs that a trial is past; a full roster loses its weakest."""
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
        """Let go of the marks of a trial that is over and on no roster."""
        if self._climbs[trial].over and not any(trial in roster for roster in self._past):
            del self._climbs[trial]

    def _by_wins(self, trials: Sequence[int]) -> list[int]:
        """Trials by pairwise wins, each pair compared at the last rung that both have reached."""
        marks = [self._climbs[trial].marks for trial in trials]
        wins = dict.fromkeys(trials, 0.0)
        for place, (trial, ours) in enumerate(zip(trials, marks, strict=True)):
            for other, theirs in zip(trials[:place], marks[:place], strict=True):
                last = min(len(ours), len(theirs)) - 1
                ahead = (ours[last] > theirs[last]) - (ours[last] < theirs[last])
                wins[trial] += ahead
                wins[other] -= ahead
        return sorted(trials, key=lambda trial: (-wins[trial], trial))


def _in_better_half(rising: float, before: Sequence[float]) -> bool:
    """Whether a value is in the better half of those that were seen at a rung before, ascending."""
    better = len(before) - bisect.bisect_right(before, rising)
    return better < max(1.0, (len(before) + 1) / 2)
