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
from hpo.core.warmth import COLD, Lesson, Warmth
from hpo.ledger.store import SearchLedger
from hpo.spec import SearchSpec
from hpo.spec.document import Scheduler
from hpo.spec.fitting import fit
from hpo.spec.rules import RECIPE_SUFFIXES
from hpo.spec.starting import recipe_point
from hpo.use_cases.reading import objective_of, open_ledger, read_history

FIRST = 4
"""Trials that earlier searches give; recipe files come on top."""
MOST = 120
"""Earlier trials that are kept, over all searches."""


@dataclass(frozen=True)
class Warming:
    """What a warm start comes to.

    Attributes:
        warmth: What the new search begins with.
        said: What it takes from each source, in sentences.
        notes: What does not fit, in sentences.
    """

    warmth: Warmth = COLD
    said: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What is shown of it, as a JSON value."""
        return {"first": [dict(point) for point in self.warmth.first], "sources": list(self.said)}


NOTHING = Warming()
"""Of a spec that names no earlier search."""


@dataclass(frozen=True)
class Tried:
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


def warming_of(spec: SearchSpec, home: Home) -> Warming:
    """Gather what a spec's ``warm_start`` names.

    Raises:
        UserError: If there is no such search, or a recipe file is at fault.
    """
    if not spec.warm_start:
        return NOTHING
    first, lessons, said, notes = [], [], [], []
    for number, name in enumerate(spec.warm_start):
        if Path(name).suffix in RECIPE_SUFFIXES:
            point, warned = recipe_point(spec, name, ("warm_start", number))
            notes += warned
            first += [point] if point else []
            said.append(f"{name}: tried first" if point else f"{name}: not used")
            continue
        lesson, found = lesson_of(spec, name, home)
        lessons += [lesson] if lesson.points else []
        notes += [f"warm_start: {name}: {each}" for each in found]
        said.append(f"{name}: {len(lesson.points)} of its trials have a place in this space")
    if spec.sampler.name != "auto" and lessons:
        notes.append(f"warm_start: {spec.sampler.name} learns nothing from earlier results; auto does")
    warmth = combined(spec.space, lessons, first)
    said.append(f"{len(warmth.first)} points are tried first")
    return Warming(warmth, tuple(said), tuple(notes))


def combined(
    space: Space, lessons: Sequence[Lesson], first: Sequence[Point] = (), count: int = FIRST
) -> Warmth:
    """Lessons cut to what tells most, with their best and most different points to be tried first."""
    from hpo.sampling.earlier import best_and_different, telling

    points = list(first)
    if lessons:
        points += [p for p in best_and_different(space, lessons, count) if p not in points]
    share = max(10, MOST // max(1, len(lessons)))
    return Warmth(tuple(points), tuple(_cut(lesson, telling(lesson.scores, share)) for lesson in lessons))


def _cut(lesson: Lesson, kept: Sequence[int]) -> Lesson:
    points, scores = (tuple(each[i] for i in kept) for each in (lesson.points, lesson.scores))
    return Lesson(lesson.source, lesson.names, points, scores)  # type: ignore[arg-type]


def lesson(
    space: Space, source: str, varied: Sequence[str], trials: Sequence[Tried], levels: int, sign: float
) -> tuple[Lesson, tuple[str, ...]]:
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

    from hpo.sampling.earlier import graded
    from hpo.sampling.standings import Standing

    shown = [each for each in trials if each.marks or each.diverged]
    nowhere = np.empty(0)
    standings = [
        Standing(nowhere, t.epoch, sign * t.value, [sign * mark for mark in t.marks], t.diverged)
        for t in shown
    ]
    scores = graded(standings, levels)
    fitted = fit(space, varied, [each.values for each in shown])
    kept = [(p, s) for p, s in zip(fitted.points, scores, strict=True) if p is not None]
    notes = () if shown else ("none of its trials has come to a rung yet; its results are not used",)
    found = Lesson(source, fitted.names, tuple(p for p, _ in kept), tuple(s for _, s in kept))
    return found, notes or fitted.notes


def lesson_of(spec: SearchSpec, name: str, home: Home) -> tuple[Lesson, list[str]]:
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
    found, notes = lesson(spec.space, name, list(document["space"]), trials, len(levels), sign)
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
) -> list[Tried]:
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
        Tried(values[t.trial], tuple(marks[t.trial]), counted[t.trial], t.epoch, t.cause is Cause.DIVERGED)
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
