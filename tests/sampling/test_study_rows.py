"""A study whose rows are inserted at once is the one that Optuna itself would have written."""

import math
import random
import sqlite3
from contextlib import closing

import optuna
import pytest
from optuna.storages import RDBStorage
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial
from sqlalchemy import event

from hpo.sampling.distributions import shown_parameters
from hpo.sampling.study_rows import insert_trials
from hpo.spec import read_spec

STATES = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING)
CURVE = {1: 0.5, 3: math.nan, 9: math.inf, 27: -math.inf}


@pytest.fixture(scope="module")
def trials():
    space, generator = read_spec("search_spaces/everything.yaml").space, random.Random(0)
    drawn = []
    for number, state in enumerate(STATES):
        values, distributions = shown_parameters(space, space.sample(generator))
        trial = create_trial(
            state=state,
            value=0.1 + number if state is TrialState.COMPLETE else None,
            params=dict(values),
            distributions=distributions,
            intermediate_values=dict(list(CURVE.items())[number:]),
            user_attrs={"trial": number, "cause": "<it> 'failed'"},
        )
        drawn.append(trial)
    return drawn


def written(file, write):
    storage = RDBStorage(f"sqlite:///{file}")
    study = storage.create_new_study([StudyDirection.MAXIMIZE], "digits")
    write(storage, study)
    storage.remove_session()
    return optuna.load_study(study_name="digits", storage=f"sqlite:///{file}")


def rows_of(file):
    with closing(sqlite3.connect(file)) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        # their own numbers follow the order of insertion, which differs
        return {name: sorted(row[1:] for row in database.execute(f"SELECT * FROM {name}")) for name in names}


def test_rows_are_those_that_optuna_writes(tmp_path, trials):
    def added(storage, study):
        optuna.load_study(study_name="digits", storage=storage).add_trials(trials)

    theirs = written(tmp_path / "theirs.db", added)
    ours = written(tmp_path / "ours.db", lambda storage, study: insert_trials(storage, study, trials))
    assert repr(ours.trials) == repr(theirs.trials)  # NaN is unequal to itself
    assert len(ours.trials) == len(STATES)
    assert repr(rows_of(tmp_path / "ours.db")) == repr(rows_of(tmp_path / "theirs.db"))


def test_a_study_of_wide_trials_is_written_by_few_statements(tmp_path, trials):
    statements = []

    def inserted(storage, study):
        def note(connection, cursor, statement, *others):
            statements.append(statement.split()[0])

        event.listen(storage.engine, "before_cursor_execute", note)
        insert_trials(storage, study, trials * 5)

    study = written(tmp_path / "study.db", inserted)
    assert statements == ["INSERT"] * 5
    assert [trial.number for trial in study.trials] == list(range(20))
    study.tell(study.ask(), 0.5)  # Optuna continues it
    assert study.trials[20].number == 20


def test_a_study_without_trials_is_empty(tmp_path):
    study = written(tmp_path / "study.db", lambda storage, number: insert_trials(storage, number, []))
    assert study.trials == []
