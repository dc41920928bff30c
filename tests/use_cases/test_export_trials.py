"""Trials exported for other tools: as CSV, and as a study that Optuna reads."""

import csv
import io
from dataclasses import replace

import optuna
import pytest
from optuna.trial import TrialState

from hpo.core.errors import UserError
from hpo.core.events import TrialStarted
from hpo.use_cases.export_trials import export_csv, export_study
from hpo.use_cases.inspect import load_search
from tests.use_cases.recorded_search import recorded, won


@pytest.fixture
def home(tmp_path):
    def inside(event):
        """The same event with choices inside the space."""
        if not isinstance(event, TrialStarted):
            return event
        return replace(event, point={"learning_rate": 0.01 * (1 + event.trial)})

    return recorded(tmp_path, map(inside, won()))


def test_csv_has_a_row_for_every_trial(home, tmp_path):
    rows = list(csv.DictReader(io.StringIO(export_csv("digits", home=home))))
    assert [row["trial"] for row in rows] == ["1", "3", "2", "0", "4", "5"]
    assert rows[0]["accuracy"] == "0.95"
    path = export_csv("digits", home=home, out=tmp_path / "trials.csv")
    assert (tmp_path / "trials.csv").read_text() == export_csv("digits", home=home)
    assert path == str(tmp_path / "trials.csv")


def test_optuna_reads_the_study(home, tmp_path):
    file = tmp_path / "study.db"
    export_study("digits", home=home, out=file)
    study = optuna.load_study(study_name="digits", storage=f"sqlite:///{file}")
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.COMPLETE] * 4 + [TrialState.PRUNED, TrialState.FAIL]
    assert study.direction.name == "MAXIMIZE"
    assert study.best_trial.user_attrs["trial"] == 1
    assert study.best_value == 0.95
    assert study.metric_names == ["accuracy"]
    assert study.user_attrs == {"metric": "accuracy", "winner": 3}
    assert study.trials[1].params == {"learning_rate": pytest.approx(0.02)}
    assert study.trials[1].intermediate_values == pytest.approx({1: 0.93, 2: 0.94, 3: 0.95})


def test_trials_of_a_study_have_the_times_of_the_record(home, tmp_path):
    file = tmp_path / "study.db"
    export_study("digits", home=home, out=file)
    shown = optuna.load_study(study_name="digits", storage=f"sqlite:///{file}").trials
    started, ended = load_search("digits", home).times()
    assert [trial.datetime_start.timestamp() for trial in shown] == pytest.approx(list(started.values()))
    assert [trial.datetime_complete.timestamp() for trial in shown] == pytest.approx(list(ended.values()))


def test_a_study_needs_a_new_file(home, tmp_path):
    with pytest.raises(UserError, match="needs --out FILE"):
        export_study("digits", home=home, out=None)
    (tmp_path / "study.db").write_text("mine")
    with pytest.raises(UserError, match="already exists"):
        export_study("digits", home=home, out=tmp_path / "study.db")
    assert (tmp_path / "study.db").read_text() == "mine"
    with pytest.raises(UserError, match="there is no folder"):
        export_study("digits", home=home, out=tmp_path / "none" / "study.db")


def test_a_search_writes_its_own_report(home, tmp_path):
    path = load_search("digits", home).report(tmp_path / "page.html")
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
