"""From the finalists' trainings so far to what to train next, or the winner.

A rule sees the record alone, so that a search that was killed in the middle goes on exactly where
it stood. Trainings are told apart by seed and fold here; what makes a winner is selection's matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from hpo.core.errors import NoTrialSucceeded
from hpo.core.events import End, WinnerNamed
from hpo.core.history import History, Key, Training
from hpo.running.plan import Finals
from hpo.selection.race import FoldRun, Race, RaceDecision
from hpo.selection.ranking import Finalist, name_winner
from hpo.spec import SearchSpec
from hpo.spec.fields import Finalists


def finals_of(spec: SearchSpec) -> Finals:
    """The rule that a spec asks for."""
    rule = {"simple": simple, "race": race}[spec.finalists.rule]
    return lambda history: rule(spec.finalists, history)


def simple(said: Finalists, history: History) -> Sequence[Key] | WinnerNamed | None:
    """Every finalist has all its seeds; then the best mean wins, and ties go to the cheaper."""
    assert history.finalists is not None
    named = history.finalists.trials
    missing = [
        (trial, replicate)
        for replicate in range(1, said.most + 1)
        for trial in named
        if not _ended(history, (trial, replicate))
    ]
    if missing:
        return missing
    finalists = []
    for trial in named:
        trainings = list(_trainings(said, history, trial))
        values = tuple(said.fresh.by_seed(trainings).values())
        finalists.append(Finalist(trial, values, _cost(trainings)))
    winner = name_winner(finalists, history.objective)
    if winner is None:
        return None
    model = _model(said, history, winner.trial)
    return WinnerNamed(winner.trial, model, winner.mean, winner.std, winner.n, winner.reason)


def race(said: Finalists, history: History) -> Sequence[Key] | WinnerNamed | None:
    """Finalists race on paired seeds until one is clearly ahead or a tie is declared."""
    assert history.finalists is not None
    values: dict[FoldRun, float] = {}
    costs: dict[int, float] = {}
    for trial in history.finalists.trials:
        trainings = list(_trainings(said, history, trial))
        costs[trial] = _cost(trainings)
        for training in trainings:
            if training.end is not None:
                sound = training.end is End.FINISHED
                values[FoldRun(trial, *said.fresh.place(training.replicate))] = (
                    training.value if sound else math.nan
                )
    rule = Race(
        costs,
        history.objective,
        said.seeds,
        folds=said.fresh.each,
        alpha=said.alpha,
        margin=said.margin,
        prefer=said.prefer,
    )
    try:
        step = rule.next(values)
    except NoTrialSucceeded:
        return None
    if not isinstance(step, RaceDecision):
        return [(run.trial, said.fresh.replicate(run.replicate, run.fold)) for run in step]
    model, over = _model(said, history, step.winner), step.spread
    return WinnerNamed(step.winner, model, over.mean, over.std, over.n, step.reason, step.tied, step.saved)


def _ended(history: History, key: Key) -> bool:
    training = history.trainings.get(key)
    return training is not None and training.end is not None


def _trainings(said: Finalists, history: History, trial: int) -> Iterator[Training]:
    for replicate in range(1, said.most + 1):
        if (training := history.trainings.get((trial, replicate))) is not None:
            yield training


def _cost(trainings: Sequence[Training]) -> float:
    """Wall seconds of one training; 0 before any began."""
    return sum(training.seconds for training in trainings) / max(1, len(trainings))


def _model(said: Finalists, history: History, trial: int) -> int:
    """The training whose weights are the model: the first fresh one that did not fail."""
    return next(t.replicate for t in _trainings(said, history, trial) if t.end is End.FINISHED)
