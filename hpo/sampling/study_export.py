"""The trials of a search as an Optuna study on disk, which Optuna's dashboard and plots open."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import optuna
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpo.core.events import End
from hpo.core.objective import Objective
from hpo.core.space import Point, Space
from hpo.sampling.distributions import shown_parameters
from hpo.sampling.study_rows import insert_trials

STATES = {
    End.FINISHED: TrialState.COMPLETE,
    End.STOPPED: TrialState.PRUNED,
    End.INTERRUPTED: TrialState.FAIL,
    End.FAILED: TrialState.FAIL,
    None: TrialState.RUNNING,
}
"""Optuna's state for each end; a trial that was stopped early is pruned."""

METRIC_NAMES = "study:metric_names"
"""Where `Study.set_metric_names` puts the name that the dashboard shows; it warns that it is experimental."""


@dataclass(frozen=True, slots=True)
class StudyTrial:
    """A trial as a study shows it.

    Attributes:
        number: Its number in the search.
        point: The searched choices.
        end: How it ended; None while it has not.
        value: Its objective value; NaN if it has none.
        curve: (epoch, objective) of every report.
        cause: Why it failed; empty otherwise.
        origin: What proposed it.
        started: When it started, in Unix seconds.
        ended: When it ended; None while it has not.
    """

    number: int
    point: Point
    end: End | None
    value: float
    curve: Sequence[tuple[int, float]]
    cause: str
    origin: str
    started: float
    ended: float | None


def write_study(
    file: Path,
    name: str,
    space: Space,
    objective: Objective,
    trials: Iterable[StudyTrial],
    winner: int | None = None,
) -> None:
    """Write a study into a new SQLite database.

    Args:
        file: File of the database.
        name: Name of the study.
        space: The searched space.
        objective: Gives the direction and the name of the metric.
        trials: The trials.
        winner: Number of the winner, which need not have the best single value; None if there is none.
    """
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        direction = StudyDirection.MAXIMIZE if objective.mode == "max" else StudyDirection.MINIMIZE
        storage = RDBStorage(f"sqlite:///{file}")
        study = storage.create_new_study([direction], name)
        storage.set_study_system_attr(study, METRIC_NAMES, [objective.metric])
        storage.set_study_user_attr(study, "metric", objective.metric)
        if winner is not None:
            storage.set_study_user_attr(study, "winner", winner)
        insert_trials(storage, study, [_frozen(space, trial) for trial in trials])
        storage.remove_session()
        storage.engine.dispose()
    finally:
        optuna.logging.set_verbosity(verbosity)


def _frozen(space: Space, trial: StudyTrial) -> FrozenTrial:
    values, distributions = shown_parameters(space, trial.point)
    state = STATES[trial.end]
    if state is TrialState.COMPLETE and not math.isfinite(trial.value):
        state = TrialState.FAIL
    frozen = create_trial(
        state=state,
        value=trial.value if state is TrialState.COMPLETE else None,
        params=dict(values),
        distributions=distributions,
        intermediate_values=dict(trial.curve),
        user_attrs={"trial": trial.number, "origin": trial.origin, "cause": trial.cause},
    )
    frozen.datetime_start = datetime.fromtimestamp(trial.started)  # Optuna's are local
    frozen.datetime_complete = None if trial.ended is None else datetime.fromtimestamp(trial.ended)
    return frozen
