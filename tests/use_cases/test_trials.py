"""The trials of a search: the table, single trials, and their output."""

import csv
import io
import math

import pytest

from hpo.core import events
from hpo.core.errors import UserError
from hpo.core.events import Cause, End
from hpo.tracking.mirror_progress import MirrorProgress, save_progress
from hpo.use_cases.inspect import server_page
from hpo.use_cases.listing import list_searches
from hpo.use_cases.logs import follow_output, trial_output
from hpo.use_cases.search.lock import hold_lock
from hpo.use_cases.trial import ended, trial_story
from hpo.use_cases.trials import trial_table
from tests.use_cases.recorded_search import recorded, searched, trained, won


@pytest.fixture
def home(tmp_path):
    return recorded(tmp_path, won(), tags={"team": "a"})


@pytest.fixture
def table(home):
    return trial_table("digits", home=home)


def numbers(table):
    return [row.trial for row in table.rows]


def test_fully_trained_trials_come_first_by_their_value_and_failed_ones_last(table):
    assert numbers(table) == [1, 3, 2, 0, 4, 5]
    assert [row.state for row in table.rows] == ["finished"] * 4 + ["stopped", "failed"]


def test_a_finalist_has_a_mean_over_fresh_seeds(table):
    by_trial = {row.trial: row for row in table.rows}
    assert (by_trial[3].fresh, by_trial[3].seeds) == (pytest.approx(0.935), 2)
    assert math.isnan(by_trial[0].fresh)


@pytest.mark.parametrize(
    ("conditions", "kept"),
    [
        (["state=finished"], [1, 3, 2, 0]),
        (["state != finished"], [4, 5]),
        (["accuracy>0.93"], [1, 3]),
        (["accuracy>=0.93", "learning_rate<3"], [1, 2]),
        (["cause=diverged"], [5]),
        (["state=paused"], []),
        (["epochs=word"], []),
    ],
)
def test_conditions_filter_the_rows(table, conditions, kept):
    assert numbers(table.where(conditions)) == kept


@pytest.mark.parametrize(
    ("condition", "message"),
    [("finished", "write NAME=VALUE"), ("colour=red", "legal: trial, state, cause, accuracy, epochs")],
)
def test_an_invalid_condition_is_refused(table, condition, message):
    with pytest.raises(UserError, match=message):
        table.where([condition])


def test_rows_are_sorted_by_any_column_and_those_without_a_value_come_last(table):
    assert numbers(table.sorted_by("accuracy")) == [1, 3, 2, 0, 4, 5]
    assert numbers(table.sorted_by("accuracy", reverse=True)) == [4, 0, 2, 3, 1, 5]
    assert numbers(table.sorted_by("learning_rate")) == [0, 1, 2, 3, 4, 5]
    assert numbers(table.sorted_by("trial", reverse=True)) == [5, 4, 3, 2, 1, 0]
    assert numbers(table.sorted_by("cause"))[0] == 5
    with pytest.raises(UserError, match="--sort size"):
        table.sorted_by("size")


def test_an_objective_that_is_minimized_is_sorted_from_below(tmp_path):
    home = recorded(tmp_path, searched(), ["objective.mode=min"])
    assert numbers(trial_table("digits", home=home)) == [0, 2, 3, 1, 4, 5]


def test_csv_has_every_column_in_full_precision(table):
    rows = list(csv.DictReader(io.StringIO(table.to_csv())))
    assert list(rows[0]) == list(table.columns)
    assert rows[0]["accuracy"] == repr(0.95)
    assert (rows[-1]["accuracy"], rows[-1]["cause"]) == ("", "diverged")
    assert table.limited_to(1).to_csv(["trial", "state"]) == "trial,state\n1,finished\n"


def test_json_keeps_the_choices_of_a_trial_together(table):
    first = table.to_json()[0]
    assert first["point"] == {"learning_rate": 1.1}
    assert "learning_rate" not in first


def test_trials_without_an_end_of_a_dead_search_are_unfinished(tmp_path):
    started = list(trained(0, 0, 0.9))[:-1]
    home = recorded(tmp_path, started)
    assert [row.state for row in trial_table("digits", home=home).rows] == ["unfinished"]


def test_a_trial_is_described_from_its_proposal_to_its_end(home):
    story = trial_story("digits", 4, home=home)
    assert story.proposed == "by the sampler auto"
    assert ended(story) == "stopped early at epoch 1: rank 5 of 5 at this rung"
    assert [(rung.epoch, rung.rank, rung.arrivals) for rung in story.rungs] == [(1, 5, 5)]
    assert story.curve == ((1, pytest.approx(0.28)),)
    assert ended(trial_story("digits", 1, home=home)) == "trained to the last epoch"
    assert ended(trial_story("digits", 5, home=home)) == "failed (diverged) at epoch 1"


def test_a_finalist_shows_its_fresh_seeds(home):
    assert trial_story("digits", 3, home=home).fresh == (0.93, 0.94)
    shown = trial_story("digits", 3, home=home).to_json()
    assert shown["row"]["trial"] == 3
    assert shown["fresh"] == [0.93, 0.94]


def test_a_trial_that_does_not_exist_is_refused(home):
    with pytest.raises(UserError, match="has no trial 6; it has 6, numbered from 0"):
        trial_story("digits", 6, home=home)


def test_of_a_search_without_trials_none_has_started(tmp_path):
    with pytest.raises(UserError, match="has no trial 0; none has started"):
        trial_story("digits", 0, home=recorded(tmp_path, ()))


def written(home, name, text):
    logs = home.search("digits").logs
    logs.mkdir(parents=True, exist_ok=True)
    (logs / name).write_text(text)


def test_the_last_lines_of_a_trials_output_are_shown(home):
    written(home, "1-0.log", "".join(f"line {n}\n" for n in range(30)))
    assert trial_story("digits", 1, home=home).log == tuple(f"line {n}" for n in range(20, 30))


def test_output_names_the_training_that_printed_it(home):
    written(home, "1-0.log", "one\ntwo\n")
    written(home, "3-2.log", "three\n")
    assert list(trial_output("digits", home)) == [
        "== trial 1: finished\none\ntwo",
        "== trial 3 seed 2: finished\nthree",
    ]
    assert list(trial_output("digits", home, 4)) == ["== trial 4: stopped early"]
    assert list(follow_output("digits", home)) == ["trial 1 | one", "trial 1 | two", "trial 3 seed 2 | three"]
    assert list(follow_output("digits", home, 3)) == ["trial 3 seed 2 | three"]


def test_of_a_programs_progress_bar_only_the_end_is_printed(home):
    written(home, "1-0.log", "loading\n 0 %\r 50 %\r100 %\ndone\n")
    assert next(trial_output("digits", home, 1)) == "== trial 1: finished\nloading\n100 %\ndone"
    shown = ["trial 1 | loading", "trial 1 | 100 %", "trial 1 | done"]
    assert list(follow_output("digits", home, 1)) == shown
    assert trial_story("digits", 1, home=home).log == ("loading", "100 %", "done")


def test_following_refuses_a_trial_that_a_search_ended_without(home):
    with pytest.raises(UserError, match="has no trial 6; it has 6, numbered from 0"):
        list(follow_output("digits", home, 6))


def test_following_prints_the_unfinished_last_line_of_a_trial_that_ended_while_the_search_runs(tmp_path):
    home = recorded(tmp_path, trained(0, 0, 0.9))
    written(home, "0-0.log", "done\nloss 0.1")
    with hold_lock(home.search("digits"), "digits"):
        lines = follow_output("digits", home)
        assert [next(lines), next(lines)] == ["trial 0 | done", "trial 0 | loss 0.1"]


def test_following_prints_why_a_trial_failed_once(tmp_path):
    failed = events.TrialEnded(0, 0, End.FAILED, 1, math.nan, Cause.CODE_ERROR, "boom")
    home = recorded(tmp_path, [*list(trained(0, 0, 0.9))[:2], failed])
    assert list(follow_output("digits", home)) == ["trial 0 | boom"]
    written(home, "0-0.log", "working\nboom")
    assert list(follow_output("digits", home)) == ["trial 0 | working", "trial 0 | boom"]


def test_the_page_of_a_search_is_on_the_server_that_has_it(home, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    home.search("digits").root.mkdir(parents=True)
    save_progress(home.search("digits"), MirrorProgress(9, page="#/experiments/1/runs/ab"))
    assert server_page("digits", home) == ""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@host:5000/")
    assert server_page("digits", home) == "http://***@host:5000/#/experiments/1/runs/ab"


def test_a_summary_has_the_test_score_and_is_found_by_its_tag(home):
    (summary,) = list_searches(home, ["team=a"])
    assert (summary.test, summary.objective.metric, summary.objective.mode) == (0.92, "accuracy", "max")
    assert [found.name for found in list_searches(home, ["team"])] == ["digits"]
    assert list_searches(home, ["team=b"]) == list_searches(home, ["team=a", "purpose"]) == []
    keys = ["name", "status", "trials", "best", "opened", "user", "gpu_hours", "cpu_hours", "cost"]
    assert list(summary.to_json()) == keys
