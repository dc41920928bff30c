"""One trial in full: what it trained, how its training went, and why it ended."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from hpo.core.events import Cause, End, PauseCause, Reported, TrialPaused, TrialTakenUp
from hpo.core.formatting import TAKEN_UP
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.home import Home
from hpo.core.json_values import JsonObject, RecipeFields, fields_of, jsonable
from hpo.core.objective import Objective
from hpo.core.promote import passes_first_rung
from hpo.core.proposals import REASONS
from hpo.core.training_state import Training
from hpo.ledger.searches import open_ledger
from hpo.ledger.store import SearchLedger
from hpo.use_cases.inspect import Search
from hpo.use_cases.logs import no_such_trial
from hpo.use_cases.search.stored_home import stored_logs_of
from hpo.use_cases.search.training_logs import TrainingLogs
from hpo.use_cases.trials import TrialRow, row_of

LOG_LINES = 10
"""Last lines of the output that are shown."""


@dataclass(frozen=True, slots=True)
class RungArrival:
    """How a trial compared with those that had reached the same rung before it.

    If it was paused there, ``continued`` is why it was taken up again; empty if it was not. ``unjudged`` says
    whether it went on whatever its value, as one trial in ``slow_starters`` does.

    Attributes:
        epoch: The rung.
        value: What the trial counted by.
        rank: Its rank among the arrivals so far, itself included; 1 is best.
        arrivals: Number of arrivals so far, itself included.
    """

    epoch: int
    value: float
    rank: int
    arrivals: int
    paused: bool = False
    continued: str = ""
    unjudged: bool = False


@dataclass(frozen=True, slots=True)
class TrialStory:
    """Everything that is on record of a trial.

    Attributes:
        search: Name of the search.
        metric: The objective.
        unit: What the training is measured in, such as ``epoch``.
        row: State, value, epochs and time.
        seed: Source of its randomness.
        proposed: What proposed it, in words.
        message: Why it failed; empty if it did not.
        horizon: Epochs of a full training.
        recipe: All choices.
        curve: (epoch, objective) of every report.
        rungs: How it compared at each rung that it reached.
        fresh: Its values on fresh seeds, seed by seed.
        log: Last lines of what it printed.
    """

    search: str
    metric: str
    unit: str
    row: TrialRow
    seed: int
    proposed: str
    message: str
    horizon: int
    recipe: RecipeFields
    curve: tuple[tuple[int, float], ...]
    rungs: tuple[RungArrival, ...]
    fresh: tuple[float, ...]
    log: tuple[str, ...]

    def to_json(self) -> JsonObject:
        """Return the trial as a JSON value."""
        shown: JsonObject = jsonable(fields_of(self))
        return shown


def trial_story(name: str, number: int, *, home: Home) -> TrialStory:
    """Return everything that is on record of a trial.

    Args:
        name: Name of the search.
        number: Number of the trial.
        home: Home of the search.

    Raises:
        UserError: If there is no such search or trial.
    """
    ledger = open_ledger(name, home)
    search = Search(home, ledger)
    history, spec = search.history, search.spec
    training = history.trainings.get((number, 0))
    if training is None:
        raise no_such_trial(name, history, number)
    rungs = tuple(spec.scheduler.rungs)
    curve, arrivals = _reports(ledger, history.objective, number, rungs)
    if arrivals and passes_first_rung(number, spec.scheduler.slow_starters or 0):
        arrivals = (replace(arrivals[0], unjudged=True), *arrivals[1:])
    fresh = FreshSeeds.of(history.opened.spec if history.opened else {})
    logs = TrainingLogs(search.folder, stored_logs_of(home, ledger, history))
    return TrialStory(
        search=name,
        metric=history.objective.metric,
        unit=spec.scheduler.unit,
        row=row_of(history, training, search.status == "running"),
        seed=training.seed,
        proposed=_proposed(training, spec.sampler.name),
        message=training.message,
        horizon=spec.horizon,
        recipe=training.recipe,
        curve=curve,
        rungs=arrivals,
        fresh=tuple(fresh.by_seed(history.replicates(number)).values()),
        log=tuple(logs.text(training).splitlines()[-LOG_LINES:]),
    )


def _proposed(training: Training, sampler: str) -> str:
    why = REASONS.get(training.reason, "")
    return {
        "sampler": f"by the sampler {sampler}, {why}" if why else f"by the sampler {sampler}",
        "start_from": "by the spec, in start_from",
        "warm_start": "by an earlier search, in warm_start",
        "retried": "by a trial that failed and is tried again",
    }.get(training.origin, f"by {training.origin}")


def _reports(
    ledger: SearchLedger, objective: Objective, number: int, rungs: tuple[int, ...]
) -> tuple[tuple[tuple[int, float], ...], tuple[RungArrival, ...]]:
    """Return the learning curve of a trial, and how it compared at each rung."""
    curve: dict[int, float] = {}
    arrivals: list[RungArrival] = []
    standing: dict[int, float] = {}
    at_rung: dict[int, dict[int, float]] = {rung: {} for rung in rungs}
    for recorded in ledger.read(kinds=[Reported, TrialPaused, TrialTakenUp]):
        report = recorded.event
        if isinstance(report, TrialPaused | TrialTakenUp):
            if report.trial != number or report.cause is PauseCause.SHARE or not arrivals:
                continue
            cause = report.cause if isinstance(report, TrialTakenUp) else ""
            arrivals[-1] = replace(arrivals[-1], paused=True, continued=TAKEN_UP.get(cause, ""))
        if not isinstance(report, Reported) or report.replicate:
            continue
        value = report.metrics.get(objective.key, math.nan)
        now = objective.standing(standing.get(report.trial, math.nan), value)
        standing[report.trial] = now
        if report.trial == number:
            curve[report.epoch] = value
        if report.epoch in at_rung and math.isfinite(now):
            others = at_rung[report.epoch]
            if report.trial == number and number not in others:
                rank = 1 + sum(objective.better(other, now) for other in others.values())
                arrivals.append(RungArrival(report.epoch, now, rank, len(others) + 1))
            others[report.trial] = now
    return tuple(sorted(curve.items())), tuple(arrivals)


def ended(story: TrialStory) -> str:
    """Return why a trial ended, in words."""
    row = story.row
    if row.state == End.FINISHED:
        return f"trained to the last {story.unit}"
    if row.cause == Cause.CONSTRAINT:
        return f"stopped at {story.unit} {row.epochs}, because it violates a constraint"
    if row.cause == PauseCause.SHARE:
        return f"paused at {story.unit} {row.epochs}, because other searches use its worker"
    words = {End.STOPPED: "stopped early", "paused": "paused"}
    if row.state in words and story.rungs:
        last = story.rungs[-1]
        later = "; it did not qualify later" if last.paused and row.state == End.STOPPED else ""
        rank = f"rank {last.rank} of {last.arrivals} at this rung{later}"
        return f"{words[row.state]} at {story.unit} {row.epochs}: {rank}"
    if row.state == End.STOPPED:
        return f"stopped early at {story.unit} {row.epochs}"
    reason = f" ({row.cause.replace('_', ' ')})" if row.cause else ""
    return f"{row.state}{reason} at {story.unit} {row.epochs}"
