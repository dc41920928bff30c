"""A warm start: earlier searches and recipes, mapped to a new search's space."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpo.core.errors import UserError
from hpo.core.events import Cause, Reported
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.json_values import JsonObject, RecipeFields, SpecFields
from hpo.core.objective import Objective
from hpo.core.space import Point, Space
from hpo.core.training_state import Training
from hpo.core.warm_start import NO_WARM_START, EarlierTrials, WarmStart
from hpo.ledger.searches import objective_of, open_ledger, read_history
from hpo.ledger.store import SearchLedger
from hpo.spec import SearchSpec
from hpo.spec.cross_checks import RECIPE_SUFFIXES
from hpo.spec.scheduler_fields import Scheduler
from hpo.spec.space_fit import fit
from hpo.spec.start_points import recipe_point

FIRST = 4
"""Points taken from earlier searches; recipe files are added to them."""
MOST = 120
"""Earlier trials that are kept, over all searches."""


@dataclass(frozen=True)
class WarmStartReport:
    """A warm start and what it takes from each source.

    Attributes:
        warm_start: The warm start of the new search.
        sources: What it takes from each source, in sentences.
        notes: What does not fit, in sentences.
    """

    warm_start: WarmStart = NO_WARM_START
    sources: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> JsonObject:
        """Return the points and sources as a JSON value."""
        return {"first": [dict(point) for point in self.warm_start.first], "sources": list(self.sources)}


NOTHING_REPORTED = WarmStartReport()
"""The report of a spec that names no earlier search."""


@dataclass(frozen=True)
class EarlierTrial:
    """An earlier trial.

    Attributes:
        values: Its choices by dotted name.
        marks: Its objective value at each rung that it reached.
        value: Its final objective value.
        epoch: Epochs trained.
        diverged: Whether it ended with a non-finite value.
    """

    values: RecipeFields
    marks: tuple[float, ...]
    value: float
    epoch: int
    diverged: bool = False


def warm_start_of(spec: SearchSpec, home: Home) -> WarmStartReport:
    """Build the warm start from the searches and recipes that a spec's ``warm_start`` names.

    Raises:
        UserError: If a search does not exist or a recipe file is invalid.
    """
    if not spec.warm_start:
        return NOTHING_REPORTED
    first, earlier, sources, notes = [], [], [], []
    for number, name in enumerate(spec.warm_start):
        if Path(name).suffix in RECIPE_SUFFIXES:
            point, warnings = recipe_point(spec, name, ("warm_start", number))
            notes += warnings
            first += [point] if point else []
            sources.append(f"{name}: tried first" if point else f"{name}: not used")
            continue
        trials, differences = earlier_trials_of(spec, name, home)
        earlier += [trials] if trials.points else []
        notes += [f"warm_start: {name}: {difference}" for difference in differences]
        sources.append(f"{name}: {len(trials.points)} of its trials fit this space")
    if spec.sampler.name != "auto" and earlier:
        notes.append(f"warm_start: {spec.sampler.name} does not learn from earlier results; auto does")
    warm_start = combined(spec.space, earlier, first)
    sources.append(f"{len(warm_start.first)} points are tried first")
    return WarmStartReport(warm_start, tuple(sources), tuple(notes))


def combined(
    space: Space, earlier: Sequence[EarlierTrials], first: Sequence[Point] = (), count: int = FIRST
) -> WarmStart:
    """Combine the most informative earlier trials with their best and most different points."""
    from hpo.sampling.earlier_searches import best_and_different, most_informative

    points = list(first)
    if earlier:
        points += [p for p in best_and_different(space, earlier, count) if p not in points]
    share = max(10, MOST // max(1, len(earlier)))
    kept = (_subset(trials, most_informative(trials.scores, share)) for trials in earlier)
    return WarmStart(tuple(points), tuple(kept))


def _subset(trials: EarlierTrials, indices: Sequence[int]) -> EarlierTrials:
    points = tuple(trials.points[i] for i in indices)
    scores = tuple(trials.scores[i] for i in indices)
    return EarlierTrials(trials.source, trials.names, points, scores)


def mapped_trials(
    space: Space, source: str, varied: Sequence[str], trials: Sequence[EarlierTrial], levels: int, sign: float
) -> tuple[EarlierTrials, tuple[str, ...]]:
    """Map an earlier search's trials to a new space; return them and what does not fit.

    Args:
        space: The new search's space.
        source: The earlier search's name.
        varied: Parameters that it varied.
        trials: Its trials, by number.
        levels: Number of its rungs, including its horizon.
        sign: -1 if its objective was maximized, otherwise 1.
    """
    import numpy as np

    from hpo.sampling.earlier_searches import graded
    from hpo.sampling.extrapolation import PartialResult

    usable = [trial for trial in trials if trial.marks or trial.diverged]
    nowhere = np.empty(0)
    standings = [
        PartialResult(nowhere, t.epoch, sign * t.value, [sign * mark for mark in t.marks], t.diverged)
        for t in usable
    ]
    scores = graded(standings, levels)
    fitted = fit(space, varied, [trial.values for trial in usable])
    kept = [(p, s) for p, s in zip(fitted.points, scores, strict=True) if p is not None]
    notes = () if usable else ("none of its trials has reached a rung yet; its results are not used",)
    mapped = EarlierTrials(source, fitted.names, tuple(p for p, _ in kept), tuple(s for _, s in kept))
    return mapped, notes or fitted.notes


def earlier_trials_of(spec: SearchSpec, name: str, home: Home) -> tuple[EarlierTrials, list[str]]:
    """Return the trials of a search on record, mapped to a spec's space, and what does not fit."""
    ledger = _open(name, home)
    history = read_history(ledger)
    assert history.opened is not None
    document = history.opened.spec
    objective, scheduler = objective_of(history.opened), Scheduler(**document["scheduler"])
    levels = (*scheduler.rungs, scheduler.horizon)
    same_trainable = document["trainable"] == spec.trainable
    values = {t.trial: _values(spec, t, same_trainable) for t in history.trials}
    trials = _earlier_trials(ledger, history, objective, levels, values)
    sign = -1.0 if objective.mode == "max" else 1.0
    mapped, notes = mapped_trials(spec.space, name, list(document["space"]), trials, len(levels), sign)
    return mapped, [*_differences(spec, document, objective), *notes]


def _open(name: str, home: Home) -> SearchLedger:
    try:
        return open_ledger(name, home)
    except UserError as error:
        raise UserError(f"warm_start: {error}") from None


def _values(spec: SearchSpec, training: Training, same_trainable: bool) -> RecipeFields:
    """Return all of a trial's choices by dotted name, or only its point if the trainable differs."""
    if same_trainable:
        try:
            return spec.values_of(training.recipe)
        except ValueError:  # the trainable's grammar has changed since
            pass
    return training.point


def _earlier_trials(
    ledger: SearchLedger,
    history: History,
    objective: Objective,
    levels: Sequence[int],
    values: Mapping[int, RecipeFields],
) -> list[EarlierTrial]:
    marks: dict[int, list[float]] = {trial: [] for trial in values}
    reached = dict.fromkeys(values, math.nan)
    for recorded in ledger.read(kinds=[Reported]):
        report = recorded.event
        if not isinstance(report, Reported) or report.replicate:
            continue
        value = objective.standing(reached[report.trial], report.metrics.get(objective.key, math.nan))
        if math.isfinite(value):
            reached[report.trial] = value
            trial_marks = marks[report.trial]
            trial_marks += [value] * (bisect_right(levels, report.epoch) - len(trial_marks))
    return [
        EarlierTrial(
            values[t.trial], tuple(marks[t.trial]), reached[t.trial], t.epoch, t.cause is Cause.DIVERGED
        )
        for t in history.trials
    ]


def _differences(spec: SearchSpec, document: SpecFields, objective: Objective) -> list[str]:
    """Return how the earlier search differs from a spec, apart from its space."""
    notes = []
    if document["trainable"] != spec.trainable:
        notes.append(f"it trained {document['trainable']}, this search {spec.trainable}")
    if (objective.metric, objective.mode) != (spec.objective.metric, spec.objective.mode):
        notes.append(f"its trials are ranked by {objective.metric}, those of this search by another metric")
    return notes
