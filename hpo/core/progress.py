"""The progress of a search, which the live table and ``hpo status`` show, from its record alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from hpo.core.budget import reserved_epochs
from hpo.core.constraints_kept import ConstraintsKept, constraints_kept
from hpo.core.events import End
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.history import History
from hpo.core.json_values import SpecFields
from hpo.core.proposals import counted
from hpo.core.rungs import rungs_of
from hpo.core.shipped_model import Ship, retraining, to_train
from hpo.core.spending import BudgetUse, budget_use


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """The progress of a search at one moment; safe to pass to another thread.

    Attributes:
        phase: ``searching``, ``finalists``, ``retraining``, ``testing``, or how the search ended.
        metric: The objective's name.
        states: Number of trials by state; those without an end are ``paused``, ``running``, or
            ``unfinished`` if no process trains them.
        best: (trial, value) of the best trial so far, fully trained or not.
        rungs: (epoch, trials that reached it); the last one is the full training.
        finalists: (trial, fresh seeds trained, their mean) in rank order.
        budget: Use of each limit that the spec sets.
        share: Share of the search phase's budget that is spent, from 0 to 1.
        searching: Estimated seconds of training to the end of the search phase; NaN if unknown.
        finals: Estimated seconds of the finalists' remaining trainings; NaN if unknown.
        warnings: The newest ones.
        constraints: How it stands to its constraints; None if it has none.
        proposed: Number of trials by the reason for which the sampler proposed them.
        pauses: How often trials were ``paused``, and taken up again by cause.
    """

    phase: str
    metric: str
    states: Mapping[str, int]
    best: tuple[int, float] | None
    rungs: tuple[tuple[int, int], ...]
    finalists: tuple[tuple[int, int, float], ...]
    budget: tuple[BudgetUse, ...]
    share: float
    searching: float
    finals: float
    warnings: tuple[str, ...]
    constraints: ConstraintsKept | None = None
    proposed: Mapping[str, int] = field(default_factory=dict)
    pauses: Mapping[str, int] = field(default_factory=dict)

    @property
    def begun(self) -> bool:
        """Whether a trial has started, or the search has ended without one."""
        return any(self.states.values()) or self.phase != "searching"

    @property
    def remaining(self) -> float:
        """Estimated seconds of training to the end, without overhead; NaN if unknown."""
        return self.searching + self.finals


def progress_of(history: History, alive: bool = True) -> SearchProgress:
    """Return the progress of a search.

    Args:
        history: Its state.
        alive: Whether a process runs it; ignored if the record has its end.
    """
    spec = history.opened.spec if history.opened else {}
    budget = _budget(history)
    best = history.best
    unended = "running" if alive and not history.ended else "unfinished"
    share = _share(spec, history, budget)
    searching, finals = _remaining(spec, history, share)
    return SearchProgress(
        phase=_phase(history),
        metric=history.objective.metric,
        states=_states(history, unended),
        best=(best.trial, best.value) if best else None,
        rungs=tuple((epoch, _arrived(history, epoch)) for epoch in rungs_of_spec(spec)),
        finalists=tuple(_finalist(history, trial, FreshSeeds.of(spec)) for trial in _named(history)),
        budget=budget,
        share=share,
        searching=searching,
        finals=finals,
        warnings=tuple(history.warnings[-3:]),
        constraints=constraints_kept(history),
        proposed=counted(training.reason for training in history.trials),
        pauses=dict(history.pauses),
    )


def _states(history: History, unended: str) -> dict[str, int]:
    """Return the number of trials by state; ``paused`` only if there are any."""
    paused = len(history.paused)
    states = {unended: history.count(None) - paused, **{end.value: history.count(end) for end in End}}
    return states | ({"paused": paused} if paused else {})


def _phase(history: History) -> str:
    if history.ended:
        return history.ended.status.replace("_", " ")
    if history.winner and to_train(history):
        return "retraining"
    if history.winner:
        return "testing" if history.claim else "exporting"
    return "finalists" if history.finalists else "searching"


def _named(history: History) -> tuple[int, ...]:
    return history.finalists.trials if history.finalists else ()


def horizon_of(spec: SpecFields) -> int:
    """Return the epochs of a full training; 0 if the spec does not say."""
    return int((spec.get("scheduler") or {}).get("max_epochs") or 0)


def rungs_of_spec(spec: SpecFields) -> tuple[int, ...]:
    """Return the epochs at which trials are compared, and the last one of a full training."""
    scheduler = spec.get("scheduler") or {}
    horizon = horizon_of(spec)
    if not horizon:
        return ()
    first, factor = scheduler.get("first_rung"), scheduler.get("reduction_factor")
    if scheduler.get("name") == "none" or not first or not factor:
        return (horizon,)
    return (*rungs_of(scheduler["name"], first, factor, horizon), horizon)


def _arrived(history: History, epoch: int) -> int:
    return sum(training.epoch >= epoch for training in history.trials)


def _finalist(history: History, trial: int, fresh: FreshSeeds) -> tuple[int, int, float]:
    seed_values = fresh.by_seed(history.replicates(trial)).values()
    values = [value for value in seed_values if math.isfinite(value)]
    return trial, len(values), sum(values) / len(values) if values else math.nan


def _budget(history: History) -> tuple[BudgetUse, ...]:
    """Return the use of each limit; trials count when they have ended or are paused."""
    ended = sum(not training.running for training in history.trials)
    limited = [use for use in budget_use(history) if use.limit is not None]
    return tuple(replace(use, spent=ended) if use.unit == "trials" else use for use in limited)


def _share(spec: SpecFields, history: History, budget: Iterable[BudgetUse]) -> float:
    """Return how much of the search phase is over by the limit that is nearest."""
    if history.finalists or history.ended:
        return 1.0
    reserved = {"epochs": final_epochs(spec, history)}
    shares = [use.spent / max(1e-9, use.limit - reserved.get(use.unit, 0)) for use in budget if use.limit]
    return min(1.0, max(shares, default=0.0))


def _remaining(spec: SpecFields, history: History, share: float) -> tuple[float, float]:
    """Return seconds of search and finalists' training to come, at the current pace and parallelism."""
    if (history.winner and not to_train(history)) or history.ended:
        return 0.0, 0.0
    trainings = history.trainings.values()
    epochs = sum(training.epoch for training in trainings)
    if not share or not epochs:
        return math.nan, math.nan
    busy = max(1, sum(training.running for training in trainings))
    spent = sum(training.seconds for training in trainings if training.replicate == 0)
    epoch_seconds = sum(training.seconds for training in trainings) / epochs
    return spent * (1 / share - 1) / busy, final_epochs(spec, history) * epoch_seconds / busy


def final_epochs(spec: SpecFields, history: History) -> int:
    """Return the epochs of finalists' and the model's trainings that are still to come."""
    if history.winner:
        key = retraining(history)
        left = history.trainings.get(key) if key else None
        return (left.until or horizon_of(spec)) - left.epoch if left else horizon_of(spec)
    trained = sum(training.epoch for training in history.trainings.values() if training.replicate)
    return max(0, reserve_of(spec, len(_named(history))) - trained)


def reserve_of(spec: SpecFields, finalists: int = 0) -> int:
    """Return the epochs that the trainings after the search phase take.

    Args:
        spec: The spec.
        finalists: Number of finalists; 0 for as many as the spec allows.
    """
    section, horizon = spec.get("finalists") or {}, horizon_of(spec)
    count = finalists or int(section.get("count") or 0)
    seeds, folds = int(section.get("seeds") or 0), int(section.get("folds") or 1)
    return reserved_epochs(horizon, count, seeds, folds) + Ship.from_spec(spec).reserves(horizon)
