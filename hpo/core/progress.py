"""How far a search is: what the live table and ``hpo status`` show, read from its record alone."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hpo.core.budget import reserved_epochs
from hpo.core.events import End
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.history import History
from hpo.core.shipped_model import Ship, retraining, to_train
from hpo.core.spending import BudgetUse, budget_use
from hpo.core.stopping_rules import rungs_of


@dataclass(frozen=True, slots=True)
class SearchProgress:
    """One moment of a search, safe to hand to another thread.

    Attributes:
        phase: ``searching``, ``finalists``, ``retraining``, ``testing``, or how the search ended.
        metric: The objective's name.
        states: Number of trials by state; those without an end are ``running``, or ``unfinished``
            once nobody trains them.
        best: (trial, value) of the best trial so far, fully trained or not.
        rungs: (epoch, trials that got there), the last one being the full training.
        finalists: (trial, fresh seeds trained, their mean) in rank order.
        budget: What the spec limits, and how much of it is spent.
        share: How much of the search's own budget is spent, from 0 to 1.
        searching: Estimated seconds of training to the end of the search phase; NaN while unknown.
        finals: Estimated seconds of the finalists' trainings to come; NaN while unknown.
        warnings: The newest ones.
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

    @property
    def remaining(self) -> float:
        """Estimated seconds to the end if machinery cost nothing; NaN while nothing is known."""
        return self.searching + self.finals


class RemainingTime:
    """Estimates time from how fast the budget has been spent since somebody began to look."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None

    def remaining(self, progress: SearchProgress, now: float) -> float:
        """Estimated seconds to the end; NaN while nothing is known.

        Args:
            progress: How far the search is.
            now: Seconds by any clock that runs on.
        """
        if self._first is None:
            self._first = now, progress.share
        began, share = self._first
        if now <= began or progress.share <= share:
            return progress.remaining
        wall = (1 - progress.share) * (now - began) / (progress.share - share)
        return max(wall, progress.searching) + progress.finals


def progress_of(history: History, alive: bool = True) -> SearchProgress:
    """Read how far a search is.

    Args:
        history: Its record, folded.
        alive: Whether a process runs it, as far as it has not said that it ended.
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
        states={unended: history.count(None), **{end.value: history.count(end) for end in End}},
        best=(best.trial, best.value) if best else None,
        rungs=tuple((epoch, _arrived(history, epoch)) for epoch in _rungs(spec)),
        finalists=tuple(_finalist(history, trial, FreshSeeds.of(spec)) for trial in _named(history)),
        budget=budget,
        share=share,
        searching=searching,
        finals=finals,
        warnings=tuple(history.warnings[-3:]),
    )


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
    return (*rungs_of(scheduler.get("name", "asha"), first, factor, horizon), horizon)


def _arrived(history: History, epoch: int) -> int:
    return sum(training.epoch >= epoch for training in history.trials)


def _finalist(history: History, trial: int, fresh: FreshSeeds) -> tuple[int, int, float]:
    found = fresh.by_seed(history.replicates(trial)).values()
    values = [value for value in found if math.isfinite(value)]
    return trial, len(values), sum(values) / len(values) if values else math.nan


def _budget(history: History) -> tuple[BudgetUse, ...]:
    """What is limited and how much of it is spent; trials count once they have ended."""
    ended = len(history.trials) - history.count(None)
    limited = [each for each in budget_use(history) if each.limit is not None]
    return tuple(replace(each, spent=ended) if each.unit == "trials" else each for each in limited)


def _share(spec: Mapping[str, Any], history: History, budget: Iterable[BudgetUse]) -> float:
    """How far the search phase is by whichever limit is nearest, the finalists' share set aside."""
    if history.finalists or history.ended:
        return 1.0
    reserved = {"epochs": _final_epochs(spec, history)}
    shares = [
        each.spent / max(1e-9, each.limit - reserved.get(each.unit, 0)) for each in budget if each.limit
    ]
    return min(1.0, max(shares, default=0.0))


def _remaining(spec: Mapping[str, Any], history: History, share: float) -> tuple[float, float]:
    """Training still to come at the pace so far, shared by as many workers as are busy now."""
    if (history.winner and not to_train(history)) or history.ended:
        return 0.0, 0.0
    trainings = history.trainings.values()
    epochs = sum(training.epoch for training in trainings)
    if not share or not epochs:
        return math.nan, math.nan
    busy = max(1, sum(training.end is None for training in trainings))
    own = sum(training.seconds for training in trainings if training.replicate == 0)
    each = sum(training.seconds for training in trainings) / epochs
    return own * (1 / share - 1) / busy, _final_epochs(spec, history) * each / busy


def _final_epochs(spec: Mapping[str, Any], history: History) -> int:
    """Epochs of the finalists' trainings that are still to come."""
    finalists = spec.get("finalists") or {}
    count = len(_named(history)) or int(finalists.get("count") or 0)
    seeds, folds = int(finalists.get("seeds") or 0), int(finalists.get("folds") or 1)
    trained = sum(training.epoch for training in history.trainings.values() if training.replicate)
    horizon = _horizon(spec)
    if history.winner:
        key = retraining(history)
        left = history.trainings.get(key) if key else None
        return (left.until or horizon) - left.epoch if left else horizon
    own = Ship.asked(spec).reserves(horizon)
    return max(0, reserved_epochs(horizon, count, seeds, folds) + own - trained)
