"""Hyperband: brackets of successive halving that begin at different rungs.

Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter Optimization", JMLR 2018, Algorithm 1.
How early trials can be compared differs from problem to problem. Hyperband does not have to know: its first
bracket compares many trials at the first rung, each later one fewer trials at a later rung, and the last one
trains every trial fully. Then it begins again.

Trials belong to brackets by their numbers. A trial is paused at a rung until it is certain whether it is one
of those that go on, and meanwhile trials of the next brackets are trained, so that no worker waits. Those
that go on are those of the paper's synchronous algorithm; one that fails counts as the worst of its rung.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from hpo.core.objective import Mode
from hpo.core.pausing_rung import PausingRung, entry_of
from hpo.core.promote import MOST_PAUSED


def brackets(rungs: int, factor: float) -> tuple[tuple[int, ...], ...]:
    """Return how many trials of each bracket reach each of its rungs, and the end; widest bracket first.

    Args:
        rungs: Number of rungs below the horizon.
        factor: One trial in this many goes on.
    """
    sizes = []
    for halvings in range(rungs, -1, -1):
        first = math.ceil((rungs + 1) * factor**halvings / (halvings + 1) - 1e-9)
        sizes.append(tuple(int(first / factor**stage + 1e-9) for stage in range(halvings + 1)))
    return tuple(sizes)


@dataclass(kw_only=True)
class _Stage(PausingRung):
    """The trials of one bracket at one rung; best first.

    Attributes:
        epoch: The rung.
        size: Trials that are to reach it.
        kept: How many of them go on.
        lost: Trials that ended before they reached it, or while they were paused there.
    """

    epoch: int
    size: int
    kept: int
    lost: int = 0

    def qualified(self) -> int | None:
        """Return the best paused trial, if it goes on whatever the trials to come have reached."""
        to_come = self.size - self.lost - len(self.arrived)
        if self.paused and self.rank(self.paused[0]) + to_come < self.kept:
            return self.paused[0][1]
        return None

    def hopeless(self) -> int | None:
        """Return the worst paused trial, if enough others are better already."""
        if self.paused and self.rank(self.paused[-1]) >= self.kept:
            return self.paused[-1][1]
        return None


@dataclass
class HyperbandRule:
    """Decides at each rung of a trial's bracket whether the trial goes on, is paused, or ends.

    Attributes:
        epochs: Rungs in ascending order; if empty, no trial is paused.
        reduction_factor: One trial in this many goes on.
        mode: Direction of the reported values.
        most_paused: Most trials paused at once.
    """

    epochs: tuple[int, ...]
    reduction_factor: float
    mode: Mode
    most_paused: int = MOST_PAUSED
    _brackets: dict[tuple[int, int], list[_Stage]] = field(default_factory=dict)
    _next: dict[int, int | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._sizes = brackets(len(self.epochs), self.reduction_factor)

    def report(self, epoch: int, value: float, trial: int = 0) -> bool:
        """Record a trial's value at an epoch and return whether the trial goes on.

        Args:
            epoch: Epochs trained so far; at any epoch but a rung of its bracket the trial goes on.
            value: The trial's objective value after that epoch.
            trial: Its number.
        """
        stage = next((stage for stage in self._stages(trial) if stage.epoch == epoch), None)
        if stage is None:
            return True
        if not math.isfinite(value):
            return False
        stage.arrive(entry_of(value, trial, self.mode))
        self._next[trial] = None
        goes_on = stage.qualified() == trial
        if goes_on:
            self.taken_up(trial)
        return goes_on

    def take_up(self) -> int | None:
        """Return a paused trial that goes on, from the oldest bracket and its highest rung; else None."""
        qualified = (stage.qualified() for stage in self._occupied())
        return next((trial for trial in qualified if trial is not None), None)

    def furthest(self) -> int | None:
        """Return the best trial paused at the highest rung, whether or not it goes on."""
        best = [(-stage.epoch, stage.paused[0]) for stage in self._occupied()]
        return min(best)[1][1] if best else None

    def surplus(self) -> int | None:
        """Return a paused trial that cannot go on any more, or the worst one if too many are paused."""
        occupied = list(self._occupied())
        hopeless = next((trial for stage in occupied if (trial := stage.hopeless()) is not None), None)
        if hopeless is not None or sum(len(stage.paused) for stage in occupied) <= self.most_paused:
            return hopeless
        last = [(len(stage.paused) / stage.kept, stage.paused[-1][1]) for stage in occupied]
        return max(last)[1]

    def taken_up(self, trial: int) -> None:
        """Record that a paused trial goes on."""
        for number, stage in enumerate(self._stages(trial)):
            if stage.leave(trial):
                self._next[trial] = number + 1

    def forget(self, trial: int) -> None:
        """Handle a trial that has ended: its next rung does not wait for it."""
        stages, ahead = self._stages(trial), self._next.get(trial, 0)
        for number, stage in enumerate(stages):
            if stage.leave(trial):
                stage.arrived = [entry for entry in stage.arrived if entry[1] != trial]
                ahead = number
        self._next[trial] = None
        while ahead is not None and ahead < len(stages):
            stages[ahead].lost += 1
            enough = stages[ahead].size - stages[ahead].lost >= stages[ahead].kept
            ahead = None if enough else ahead + 1

    def _stages(self, trial: int) -> list[_Stage]:
        """Return the rungs of a trial's bracket."""
        turn, number = divmod(trial, sum(sizes[0] for sizes in self._sizes))
        bracket = 0
        while number >= self._sizes[bracket][0]:
            number -= self._sizes[bracket][0]
            bracket += 1
        key = turn, bracket
        if key not in self._brackets:
            sizes = self._sizes[bracket]
            each = zip(self.epochs[bracket:], sizes, sizes[1:], strict=False)
            self._brackets[key] = [_Stage(epoch=epoch, size=size, kept=kept) for epoch, size, kept in each]
        return self._brackets[key]

    def _occupied(self) -> Iterator[_Stage]:
        """Yield the rungs with paused trials, by the age of their brackets and the highest first."""
        for _, stages in sorted(self._brackets.items()):
            yield from (stage for stage in reversed(stages) if stage.paused)
