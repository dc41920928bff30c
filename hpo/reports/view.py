"""What the report page and the plots show of a search, as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from hpo.core.account import Account
from hpo.core.diagnosis import Diagnosis
from hpo.core.events import End
from hpo.core.health import HealthCheck, PreflightReport
from hpo.core.importance import ImportanceRanking
from hpo.core.objective import Objective
from hpo.core.space import Parameter, Point, Space


@dataclass(frozen=True, slots=True)
class TrialView:
    """One trial of a search.

    Attributes:
        number: Its number.
        state: ``running``, ``unfinished``, ``finished``, ``stopped``, ``failed`` or ``interrupted``.
        cause: Why it failed or was interrupted; empty otherwise.
        value: The objective that it counts by so far; NaN before the first finite report.
        epochs: Epochs trained.
        seconds: Wall time of these epochs.
        fresh: Mean of the objective over fresh seeds; NaN unless it is a finalist.
        point: The searched choices.
        curve: (epoch, objective) of every report.
        at_rungs: What it counted by at each rung that it reached, by epoch.
    """

    number: int
    state: str
    cause: str
    value: float
    epochs: int
    seconds: float
    fresh: float
    point: Point
    curve: tuple[tuple[int, float], ...]
    at_rungs: Mapping[int, float]

    @property
    def finished(self) -> bool:
        """Whether it was trained to the last epoch, and so can be compared with others."""
        return self.state == End.FINISHED and math.isfinite(self.value)


@dataclass(frozen=True)
class SearchView:
    """A search as the page and the plots show it.

    Attributes:
        account: How it came to its result.
        space: The searched space.
        horizon: Epochs of a full training.
        rungs: Epochs at which trials were compared.
        trials: The trials in the order in which they started.
        importance: The parameters by importance.
        made: When this was gathered.
        tried: What `hpo try` found for its spec; empty if it was not run.
        preflight: What `hpo preflight` found; None if it was not run.
        diagnosis: What `hpo diagnose` found; None if it was not run.
    """

    account: Account
    space: Space
    horizon: int
    rungs: tuple[int, ...]
    trials: tuple[TrialView, ...]
    importance: ImportanceRanking
    made: str
    tried: tuple[HealthCheck, ...] = ()
    preflight: PreflightReport | None = None
    diagnosis: Diagnosis | None = None

    @property
    def objective(self) -> Objective:
        """What was optimized."""
        return self.account.objective

    @property
    def unfinished(self) -> bool:
        """Whether the search has not come to its planned end."""
        return self.account.status != "done"

    @cached_property
    def leader(self) -> TrialView | None:
        """The winner, or else the best trial so far, fully trained ones first; None without a value."""
        if self.account.winner:
            return next((t for t in self.trials if t.number == self.account.winner.trial), None)
        ranked = self.ranked
        return ranked[0] if ranked and math.isfinite(ranked[0].value) else None

    @cached_property
    def ranked(self) -> tuple[TrialView, ...]:
        """The trials, best first: fully trained, then trained for less, then failed."""
        return tuple(sorted(self.trials, key=self._rank))

    @property
    def parameters(self) -> list[Parameter]:
        """The searched parameters: by importance if they could be ranked, otherwise as the space has them."""
        by_name = self.space.by_name
        ordered = [by_name[row.name] for row in self.importance.rows]
        return ordered or list(self.space.parameters)

    def _rank(self, trial: TrialView) -> tuple[bool, bool, float, int]:
        finite = math.isfinite(trial.value)
        value = -self.objective.rising(trial.value) if finite else math.inf
        return trial.state == End.FAILED or not finite, not trial.finished, value, trial.number
