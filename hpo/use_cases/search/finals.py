"""The finalists' next trainings, or the winner, from their trainings so far.

A rule depends on the record only, so that a search that was killed continues exactly where it was.
This module deals with seeds and folds; `hpo.selection` decides what makes a winner.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from hpo.core.errors import NoTrialSucceeded
from hpo.core.events import End, WinnerNamed
from hpo.core.history import History
from hpo.core.training_state import Key, Training
from hpo.running.plan import Finals
from hpo.selection.race import FoldRun, Race, RaceDecision
from hpo.selection.ranking import Finalist, name_winner
from hpo.spec import SearchSpec
from hpo.spec.finalist_fields import Finalists


def finals_of(spec: SearchSpec) -> Finals:
    """Return the rule that a spec chooses."""
    rule = {"simple": simple, "race": race}[spec.finalists.rule]
    return lambda history: rule(spec.finalists, history)


def simple(settings: Finalists, history: History) -> Sequence[Key] | WinnerNamed | None:
    """Train every finalist on all seeds; the best mean wins, ties go to the cheaper finalist."""
    assert history.finalists is not None
    trials = history.finalists.trials
    missing = [
        (trial, replicate)
        for replicate in range(1, settings.most + 1)
        for trial in trials
        if not _ended(history, (trial, replicate))
    ]
    if missing:
        return missing
    finalists = []
    for trial in trials:
        trainings = list(_trainings(settings, history, trial))
        values = tuple(settings.fresh.by_seed(trainings).values())
        finalists.append(Finalist(trial, values, _cost(trainings)))
    winner = name_winner(finalists, history.objective)
    if winner is None:
        return None
    model = _model(settings, history, winner.trial)
    return WinnerNamed(winner.trial, model, winner.mean, winner.std, winner.n, winner.reason)


def race(settings: Finalists, history: History) -> Sequence[Key] | WinnerNamed | None:
    """Race the finalists on paired seeds until one is clearly ahead or a tie is declared."""
    assert history.finalists is not None
    values: dict[FoldRun, float] = {}
    costs: dict[int, float] = {}
    for trial in history.finalists.trials:
        trainings = list(_trainings(settings, history, trial))
        costs[trial] = _cost(trainings)
        for training in trainings:
            if training.end is not None:
                run = FoldRun(trial, *settings.fresh.seed_and_fold(training.replicate))
                values[run] = training.value if training.end is End.FINISHED else math.nan
    rule = Race(
        costs,
        history.objective,
        settings.seeds,
        folds=settings.fresh.trainings_per_seed,
        alpha=settings.alpha,
        margin=settings.margin,
        prefer=settings.prefer,
    )
    try:
        step = rule.next(values)
    except NoTrialSucceeded:
        return None
    if not isinstance(step, RaceDecision):
        return [(run.trial, settings.fresh.replicate(run.replicate, run.fold)) for run in step]
    model, spread = _model(settings, history, step.winner), step.spread
    mean, std, n = spread.mean, spread.std, spread.n
    return WinnerNamed(step.winner, model, mean, std, n, step.reason, step.tied, step.saved)


def _ended(history: History, key: Key) -> bool:
    training = history.trainings.get(key)
    return training is not None and training.end is not None


def _trainings(settings: Finalists, history: History, trial: int) -> Iterator[Training]:
    for replicate in range(1, settings.most + 1):
        if (training := history.trainings.get((trial, replicate))) is not None:
            yield training


def _cost(trainings: Sequence[Training]) -> float:
    """Return the mean wall seconds of a training; 0 if there are none."""
    return sum(training.seconds for training in trainings) / max(1, len(trainings))


def _model(settings: Finalists, history: History, trial: int) -> int:
    """Return the training whose weights are the model: the first fresh one that did not fail."""
    return next(t.replicate for t in _trainings(settings, history, trial) if t.end is End.FINISHED)
