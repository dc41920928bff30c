"""How far a search is: what the live table and ``hpo status`` show, read from its record alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hpo.core.budget import reserved_epochs
from hpo.core.events import End
from hpo.core.history import History, Training
from hpo.core.rungs import milestones


@dataclass(frozen=True, slots=True)
class Used:
    """How much of one kind of budget is spent.

    Attributes:
        unit: ``trials``, ``epochs`` or ``hours``.
        spent: So far.
        limit: What the spec allows.
    """

    unit: str
    spent: float
    limit: float


@dataclass(frozen=True, slots=True)
class Progress:
    """One moment of a search, safe to hand to another thread.

    Attributes:
        phase: ``searching``, ``finalists``, ``testing``, or how the search ended.
        metric: The objective's name.
        states: Number of trials by state; ``running`` counts those under way.
        best: (trial, value) of the best trial so far, fully trained or not.
        rungs: (epoch, trials that got there), the last one being the full training.
        finalists: (trial, fresh seeds trained, their mean) in rank order.
        budget: What the spec limits, and how much of it is spent.
        trained: Seconds of training so far, over all workers.
        remaining: Estimated seconds of wall time to the end; NaN while nothing is known.
        warnings: The newest ones.
    """

    phase: str
    metric: str
    states: Mapping[str, int]
    best: tuple[int, float] | None
    rungs: tuple[tuple[int, int], ...]
    finalists: tuple[tuple[int, int, float], ...]
    budget: tuple[Used, ...]
    trained: float
    remaining: float
    warnings: tuple[str, ...]


def progress_of(history: History) -> Progress:
    """Read how far a search is."""
    spec = history.opened.spec if history.opened else {}
    trained = sum(training.seconds for training in history.trainings.values())
    budget = _budget(spec, history)
    best = history.best
    return Progress(
        phase=_phase(history),
        metric=history.objective.metric,
        states={"running": history.count(None), **{end.value: history.count(end) for end in End}},
        best=(best.trial, best.value) if best else None,
        rungs=tuple((epoch, _arrived(history, epoch)) for epoch in _rungs(spec)),
        finalists=tuple(_finalist(history, trial) for trial in _named(history)),
        budget=budget,
        trained=trained,
        remaining=_remaining(spec, history, budget, trained),
        warnings=tuple(history.warnings[-3:]),
    )


def _phase(history: History) -> str:
    if history.ended:
        return history.ended.status.replace("_", " ")
    if history.winner:
        return "testing" if history.claim else "exporting"
    return "finalists" if history.finalists else "searching"


def _named(history: History) -> tuple[int, ...]:
    return history.finalists.trials if history.finalists else ()


def _horizon(spec: Mapping[str, Any]) -> int:
    return int((spec.get("scheduler") or {}).get("max_epochs") or 0)


def _rungs(spec: Mapping[str, Any]) -> tuple[int, ...]:
    scheduler = spec.get("scheduler") or {}
    horizon = _horizon(spec)
    if not horizon:
        return ()
    first, factor = scheduler.get("first_rung"), scheduler.get("reduction_factor")
    if scheduler.get("name") == "none" or not first or not factor:
        return (horizon,)
    return (*milestones(first, factor, horizon), horizon)


def _arrived(history: History, epoch: int) -> int:
    return sum(training.epoch >= epoch for training in history.trials)


def _finalist(history: History, trial: int) -> tuple[int, int, float]:
    values = [
        each.value
        for each in history.replicates(trial)
        if each.end is End.FINISHED and math.isfinite(each.value)
    ]
    return trial, len(values), sum(values) / len(values) if values else math.nan


def _budget(spec: Mapping[str, Any], history: History) -> tuple[Used, ...]:
    limits = dict(spec.get("budget") or {})
    if limits.get("trials"):
        limits["trials"] += history.extended
    again = sum(training.epoch for training in history.trainings.values() if training.replicate)
    spent = {
        "trials": len(history.trials) - history.count(None),
        "epochs": history.epochs + again,
        "hours": history.active / 3600,
    }
    return tuple(Used(unit, spent[unit], limits[unit]) for unit in spent if limits.get(unit))


def _remaining(spec: Mapping[str, Any], history: History, budget: tuple[Used, ...], trained: float) -> float:
    """Training still to come at the pace so far, shared by as many workers as are busy now."""
    done = max((used.spent / used.limit for used in budget), default=0.0)
    if history.winner or history.ended:
        return 0.0
    own = [training for training in history.trainings.values() if training.replicate == 0]
    epochs = sum(training.epoch for training in history.trainings.values())
    if not done or not epochs:
        return math.nan
    searching = 0.0 if history.finalists else sum(each.seconds for each in own) * (1 / min(done, 1.0) - 1)
    finals = _final_epochs(spec, history) * trained / epochs
    busy = max(1, sum(_under_way(each) for each in history.trainings.values()))
    return (searching + finals) / busy


def _under_way(training: Training) -> bool:
    return training.end is None


def _final_epochs(spec: Mapping[str, Any], history: History) -> int:
    """Epochs of the finalists' trainings that are still to come."""
    finalists = spec.get("finalists") or {}
    count = len(_named(history)) or int(finalists.get("count") or 0)
    seeds, folds = int(finalists.get("seeds") or 0), int(finalists.get("folds") or 1)
    trained = sum(training.epoch for training in history.trainings.values() if training.replicate)
    return max(0, reserved_epochs(_horizon(spec), count, seeds, folds) - trained)
