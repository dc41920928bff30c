"""A warm start: earlier searches and recipes, in the words of a new search's space."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpo.core.errors import UserError
from hpo.core.events import Cause, Reported
from hpo.core.history import History, Training
from hpo.core.home import Home
from hpo.core.objective import Objective
from hpo.core.space import Point, Space
from hpo.core.warm_start import NO_WARM_START, EarlierTrials, WarmStart
from hpo.ledger.searches import objective_of, open_ledger, read_history
from hpo.ledger.store import SearchLedger
from hpo.spec import SearchSpec
from hpo.spec.cross_checks import RECIPE_SUFFIXES
from hpo.spec.fields import Scheduler
from hpo.spec.space_fit import fit
from hpo.spec.start_points import recipe_point

FIRST = 4
"""Trials that earlier searches give; recipe files come on top."""
MOST = 120
"""Earlier trials that are kept, over all searches."""


@dataclass(frozen=True)
class WarmStartReport:
    """What a warm start comes to.

    Attributes:
        warm_start: What the new search begins with.
        said: What it takes from each source, in sentences.
        notes: What does not fit, in sentences.
    """

    warm_start: WarmStart = NO_WARM_START
    said: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What is shown of it, as a JSON value."""
        return {"first": [dict(point) for point in self.warm_start.first], "sources": list(self.said)}


NOTHING_REPORTED = WarmStartReport()
"""The report of a spec that names no earlier search."""


@dataclass(frozen=True)
class EarlierTrial:
    """An earlier trial.

    Attributes:
        values: What it was trained with, by dotted name.
        marks: What it counted by when each rung was reached, as far as it came.
        value: What it counted by in the end.
        epoch: Epochs trained.
        diverged: Whether it ended in numbers that were none.
    """

    values: Mapping[str, Any]
    marks: tuple[float, ...]
    value: float
    epoch: int
    diverged: bool = False


def warm_start_of(spec: SearchSpec, home: Home) -> WarmStartReport:
    """Gather what a spec's ``warm_start`` names.

    Raises:
        UserError: If there is no such search, or a recipe file is at fault.
    """
    if not spec.warm_start:
        return NOTHING_REPORTED
    first, lessons, said, notes = [], [], [], []
    for number, name in enumerate(spec.warm_start):
        if Path(name).suffix in RECIPE_SUFFIXES:
            point, warned = recipe_point(spec, name, ("warm_start", number))
            notes += warned
            first += [point] if point else []
            said.append(f"{name}: tried first" if point else f"{name}: not used")
            continue
        mapped_trials, found = earlier_trials_of(spec, name, home)
        lessons += [mapped_trials] if mapped_trials.points else []
        notes += [f"warm_start: {name}: {each}" for each in found]
        said.append(f"{name}: {len(mapped_trials.points)} of its trials have a place in this space")
    if spec.sampler.name != "auto" and lessons:
        notes.append(f"warm_start: {spec.sampler.name} learns nothing from earlier results; auto does")
    warmth = combined(spec.space, lessons, first)
    said.append(f"{len(warmth.first)} points are tried first")
    return WarmStartReport(warmth, tuple(said), tuple(notes))


def combined(
    space: Space, lessons: Sequence[EarlierTrials], first: Sequence[Point] = (), count: int = FIRST
) -> WarmStart:
    """Lessons cut to what tells most, with their best and most different points to be tried first."""
    from hpo.sampling.earlier_searches import best_and_different, most_informative

    points = list(first)
    if lessons:
        points += [p for p in best_and_different(space, lessons, count) if p not in points]
    share = max(10, MOST // max(1, len(lessons)))
    return WarmStart(
        tuple(points),
        tuple(
            _cut(mapped_trials, most_informative(mapped_trials.scores, share)) for mapped_trials in lessons
        ),
    )


def _cut(mapped_trials: EarlierTrials, kept: Sequence[int]) -> EarlierTrials:
    points, scores = (tuple(each[i] for i in kept) for each in (mapped_trials.points, mapped_trials.scores))
    return EarlierTrials(mapped_trials.source, mapped_trials.names, points, scores)  # type: ignore[arg-type]


def mapped_trials(
    space: Space, source: str, varied: Sequence[str], trials: Sequence[EarlierTrial], levels: int, sign: float
) -> tuple[EarlierTrials, tuple[str, ...]]:
    """What a space can learn from an earlier search's trials, and what does not fit.

    Args:
        space: The new search's space.
        source: The earlier search's name.
        varied: Parameters that it varied.
        trials: Its trials, by number.
        levels: Number of its rungs, its horizon included.
        sign: -1 if its objective was maximized, otherwise 1.
    """
    import numpy as np

    from hpo.sampling.earlier_searches import graded
    from hpo.sampling.extrapolation import PartialResult

    shown = [each for each in trials if each.marks or each.diverged]
    nowhere = np.empty(0)
    standings = [
        PartialResult(nowhere, t.epoch, sign * t.value, [sign * mark for mark in t.marks], t.diverged)
        for t in shown
    ]
    scores = graded(standings, levels)
    fitted = fit(space, varied, [each.values for each in shown])
    kept = [(p, s) for p, s in zip(fitted.points, scores, strict=True) if p is not None]
    notes = () if shown else ("none of its trials has come to a rung yet; its results are not used",)
    found = EarlierTrials(source, fitted.names, tuple(p for p, _ in kept), tuple(s for _, s in kept))
    return found, notes or fitted.notes


def earlier_trials_of(spec: SearchSpec, name: str, home: Home) -> tuple[EarlierTrials, list[str]]:
    """What a search on record tells, and what of it does not fit."""
    ledger = _open(name, home)
    history = read_history(ledger)
    assert history.opened is not None
    document = history.opened.spec
    objective, scheduler = objective_of(history.opened), Scheduler(**document["scheduler"])
    levels = (*scheduler.rungs, scheduler.horizon)
    alike = document["trainable"] == spec.trainable
    values = {t.trial: _values(spec, t, alike) for t in history.trials}
    trials = _tried(ledger, history, objective, levels, values)
    sign = -1.0 if objective.mode == "max" else 1.0
    found, notes = mapped_trials(spec.space, name, list(document["space"]), trials, len(levels), sign)
    return found, [*_differences(spec, document, objective), *notes]


def _open(name: str, home: Home) -> SearchLedger:
    try:
        return open_ledger(name, home)
    except UserError as error:
        raise UserError(f"warm_start: {error}") from None


def _values(spec: SearchSpec, training: Training, alike: bool) -> Mapping[str, Any]:
    """A trial's choices by dotted name: all of them, or only its point if they mean other things here."""
    if alike:
        try:
            return spec.values_of(training.recipe)
        except ValueError:  # the trainable takes other choices by now
            pass
    return training.point


def _tried(
    ledger: SearchLedger,
    history: History,
    objective: Objective,
    levels: Sequence[int],
    values: Mapping[int, Mapping[str, Any]],
) -> list[EarlierTrial]:
    marks: dict[int, list[float]] = {trial: [] for trial in values}
    counted = dict.fromkeys(values, math.nan)
    for recorded in ledger.read(kinds=[Reported]):
        report = recorded.event
        if not isinstance(report, Reported) or report.replicate:
            continue
        value = objective.standing(counted[report.trial], report.metrics.get(objective.key, math.nan))
        if math.isfinite(value):
            counted[report.trial] = value
            known = marks[report.trial]
            known += [value] * (bisect_right(levels, report.epoch) - len(known))
    return [
        EarlierTrial(
            values[t.trial], tuple(marks[t.trial]), counted[t.trial], t.epoch, t.cause is Cause.DIVERGED
        )
        for t in history.trials
    ]


def _differences(spec: SearchSpec, document: Mapping[str, Any], objective: Objective) -> list[str]:
    """In what the earlier search was another one, apart from its space."""
    notes = []
    if document["trainable"] != spec.trainable:
        notes.append(f"it trained {document['trainable']}, this search {spec.trainable}")
    if (objective.metric, objective.mode) != (spec.objective.metric, spec.objective.mode):
        notes.append(f"its trials are ranked by {objective.metric}, those of this search by another metric")
    return notes
