"""Estimate how long a budget lasts, from the pace of a past search of the same training code."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

from hpo.core.budget import Budget, Forecast, forecast
from hpo.core.events import (
    SearchEnded,
    SearchExtended,
    SearchOpened,
    SearchResumed,
    TrialsRetried,
)
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.json_values import JsonObject, SpecFields
from hpo.core.time_left import Prospects, TimeLeft, expected_epochs, time_left
from hpo.spec import SearchSpec
from hpo.spec.overview import budget_forecast, most_trials

NEWEST = 50
"""Number of newest searches that are considered."""

ENOUGH_EPOCHS = 5
"""Trained epochs from which a pace can be measured."""


LIFE_EVENTS = (SearchOpened, SearchResumed, SearchExtended, TrialsRetried, SearchEnded)
"""Events from which the time that a search took can be read."""


@dataclass(frozen=True, slots=True)
class TrainingPace:
    """How fast a past search trained.

    Attributes:
        search: Its name.
        seconds: Mean wall time of an epoch.
        workers: Number of trainings that the new search is expected to run at once.
    """

    search: str
    seconds: float
    workers: int

    def hours(self, epochs: float) -> float:
        """Return the wall time of a number of epochs."""
        return epochs * self.seconds / self.workers / 3600


@dataclass(frozen=True, slots=True)
class BudgetForecast:
    """What a budget is expected to buy, and how long that takes.

    Attributes:
        forecast: Trials and epochs; None if only time is limited and there is no pace.
        pace: Pace of a past search; None if none is similar.
        search: Hours of the search's own trials; NaN without a pace.
        finalists: Hours of the finalists' trainings; NaN without a pace.
    """

    forecast: Forecast | None
    pace: TrainingPace | None = None
    search: float = math.nan
    finalists: float = math.nan

    def to_json(self) -> JsonObject | None:
        """Return pace and hours as a JSON value; None without a pace."""
        if self.pace is None:
            return None
        return {**asdict(self.pace), "search_hours": self.search, "finalists_hours": self.finalists}


def forecast_of(spec: SearchSpec, home: Home) -> BudgetForecast:
    """Estimate what a spec's budget buys; nothing is started."""
    pace = pace_of(spec, home)
    if pace is None:
        return BudgetForecast(budget_forecast(spec))
    bought = _in_time(spec, pace)
    return BudgetForecast(bought, pace, pace.hours(bought.epochs), pace.hours(spec.reserved_epochs))


def _in_time(spec: SearchSpec, pace: TrainingPace) -> Forecast:
    """Return what all limits together buy, with time converted to epochs."""
    budget, scheduler = spec.budget, spec.scheduler
    limits = [budget.epochs] if budget.epochs is not None else []
    seconds = budget.search_seconds(spec.resources.gpus * pace.workers)
    if seconds is not None:
        limits.append(max(1, int(seconds * pace.workers / pace.seconds)))
    epochs = min(limits) if limits else None
    whole = Budget(most_trials(spec), epochs)
    horizon, reserve = spec.horizon, spec.reserved_epochs
    factor, finalists = scheduler.reduction_factor, spec.finalists.count
    slow = scheduler.slow_starters or 0
    return forecast(whole, scheduler.rungs, factor, horizon, reserve, scheduler.rule, finalists, slow)


def pace_of(spec: SearchSpec, home: Home) -> TrainingPace | None:
    """Return the pace of the newest search of a home with the same training code, data and device."""
    if not home.is_used:
        return None
    from hpo.ledger.searches import opened_of, read_history
    from hpo.ledger.store import LedgerStore

    store = LedgerStore.of(home)
    for name in reversed(store.names()[-NEWEST:]):
        ledger = store.open(name)
        if not _similar(spec, opened_of(ledger).spec):
            continue
        history = read_history(ledger)
        if history.trained_epochs >= ENOUGH_EPOCHS and history.trained > 0:
            return TrainingPace(name, history.trained / history.trained_epochs, _workers(spec, history))
    return None


def time_left_of(history: History, home: Home, search: str) -> TimeLeft:
    """Estimate how long a search still takes, from its last event on."""
    return time_left(history, prospects_of(history, home, search))


def prospects_of(history: History, home: Home, search: str) -> Prospects:
    """Return what the home knows of a search besides its record."""
    tested = test_follows(history, home, search)
    return Prospects(expected_epochs(history), earlier_seconds(history, home), tested)


def test_follows(history: History, home: Home, search: str) -> bool | None:
    """Return whether the test part is opened at the end; None if that is not on record."""
    from hpo.ledger.store import LedgerStore
    from hpo.use_cases.search.run_options import RunOptions

    if history.opened is None or history.opened.spec.get("test") == "on_request":
        return False
    leases = LedgerStore.of(home).leases() if home.is_used else []
    options = next((lease.options for lease in leases if lease.search == search), "")
    return RunOptions.of_json(options).unseal if options else None


def earlier_seconds(history: History, home: Home) -> float:
    """Return how long the newest finished search of the same spec took; NaN if there is none.

    Args:
        history: The search that is asked for; an extended one has no equal.
        home: The home.
    """
    from hpo.ledger.searches import opened_of
    from hpo.ledger.store import LedgerStore

    if history.opened is None or history.extended or not home.is_used:
        return math.nan
    store = LedgerStore.of(home)
    for name in reversed(store.names()[-NEWEST:]):
        ledger = store.open(name)
        opened = opened_of(ledger)
        if opened.digest != history.opened.digest:
            continue
        past = History(history.objective)
        for recorded in ledger.read(kinds=LIFE_EVENTS):
            past.apply(recorded)
        if past.ended and past.ended.status == "done" and not past.extended:
            return past.active
    return math.nan


def _similar(spec: SearchSpec, document: SpecFields) -> bool:
    """Return whether an epoch of another search is about the same amount of work."""
    resources = document["resources"]
    return (
        document["trainable"] == spec.trainable
        and document["data"]["source"] == spec.data.source
        and document["data"]["arguments"] == spec.data.arguments
        and bool(resources["gpus"]) == bool(spec.resources.gpus)
        and resources["threads"] == spec.resources.threads
        and resources.get("processes", 1) == spec.resources.processes
    )


def _workers(spec: SearchSpec, history: History) -> int:
    """Number of trainings at once: as the spec says, as in the past search, or as many as fit here."""
    from hpo.use_cases.search.capacity import local_cpus

    fit = max(1, int(local_cpus() / spec.resources.cpus))
    return spec.resources.trials_at_once or history.workers or fit
