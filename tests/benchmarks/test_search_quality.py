"""The comparison, and a check that the product's policy stays as good on synthetic curves."""

import argparse
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.curve_tasks import Replay, targets_of, tasks_of
from benchmarks.search_methods import METHODS
from benchmarks.search_quality import beside_ours, compare, family_mean, interval, table
from hpo.core.space import Choice

CURVES = Path(__file__).parent / "made_up_curves"
DEEP = Path(__file__).parents[3] / "shared/curves_deep"
PACKAGES = {"syne": "syne_tune", "dehb": "dehb", "smac": "smac", "neps": "neps"}
"""Packages that peers need and the product does not, by the first word of their methods."""


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    options = argparse.Namespace(
        curves=CURVES,
        suite="",
        cache=tmp_path_factory.mktemp("cache"),
        minutes=float("inf"),
        seeds=9,
        first_seed=0,
        methods="ours,random,asha_random",
        give_up=2.0,
        shipped=False,
    )
    comparison = compare(options, [50], [2])
    assert compare(options, [50], [2]) == comparison  # now from the cache
    return comparison


def test_the_policy_is_several_times_faster_than_random_search_and_asha(rows):
    speed = {row["method"]: row["speedup"] for row in rows if row["task"] == "geometric mean"}
    assert 0.5 < speed["random"] < 2.5
    assert speed["ours"] > 3.5
    assert speed["ours"] > speed["asha_random"]


def test_a_prior_that_is_wrong_for_a_task_is_overruled(rows):
    (unusual,) = [r for r in rows if r["task"] == "madeup-unusual" and r["method"] == "ours"]
    assert unusual["speedup"] > 2
    assert unusual["missed"] == 0


def test_every_method_is_compared_with_ours_on_its_own_tasks(rows):
    ours = {row["task"]: row["speedup"] for row in rows if row["method"] == "ours"}
    suites = [row for row in rows if row["task"] == "geometric mean"]
    assert {row["ours"] for row in suites} == {ours["geometric mean"]}
    fewer = [row for row in rows if (row["method"], row["task"]) != ("random", "madeup-unusual")]
    (alone,) = [row for row in beside_ours(fewer) if row["method"] == "random" and "worst" in row]
    assert alone["ours"] == pytest.approx(ours["madeup-usual"])


def test_every_row_is_in_the_table_with_an_interval(rows):
    assert all(row["low"] <= row["speedup"] <= row["high"] for row in rows)
    assert {"suite", "task", "method", "budget", "workers", "speedup", "low", "high"} <= set(rows[0])
    assert table(rows).count("\n") == len(rows) + 4


@pytest.mark.skipif(not DEEP.exists(), reason="needs the recorded trainings of deep networks")
def test_other_deep_networks_are_eight_families_with_choices_as_choices():
    tasks = tasks_of(DEEP)
    families = Counter(task.family for task in tasks)
    assert (len(tasks), {task.suite for task in tasks}) == (18, {"deep"})
    assert families["deepobs_images"] == 4
    assert families["lcbench_raw"] == 6
    assert families["metaqnn"] == families["vae"] == 2
    assert sorted(families.values()) == [1, 1, 1, 1, 2, 2, 4, 6]
    char_rnn = next(task for task in tasks if task.family == "tolstoi_char_rnn")
    assert char_rnn.space.parameters[0].domain == Choice(("sgd", "momentum", "adam"))
    replay = Replay(char_rnn)
    for trial, optimizer in enumerate(char_rnn.space.parameters[0].domain.values):
        replay.curve(trial, {"optimizer": optimizer, "learning_rate": 1e-3})
    assert len({tuple(curve) for curve in replay.tests.values()}) == 3


def test_families_count_equally_whatever_number_of_tasks_they_have():
    assert family_mean([[4.0, 4.0], [9.0]]) == pytest.approx(6.0)
    low, high = interval([[[4.0, 4.0], [9.0, 9.0]], [[24.0]]])
    assert 6.0 - 1e-9 <= low < 12.0 < high <= 24.0 + 1e-9


@pytest.mark.parametrize("name", METHODS)
def test_every_method_and_first_rung_runs(name):
    if package := PACKAGES.get(name.split("_")[0]):
        pytest.importorskip(package, reason="needs benchmarks/requirements-peers.txt")
    task = tasks_of(CURVES)[0]
    for tried in METHODS[name]:
        outcome = tried.run(task, seed=1, workers=3, target=-1.0, most=150)
        assert (outcome.epochs, outcome.reached) == (150, False)
        assert outcome.trials > 3
        assert outcome.pick_test < 1.5


@pytest.mark.parametrize("name", ["ours", "random", "i_epoch"])
def test_a_model_that_would_be_shipped_reaches_a_target_no_earlier_than_any_report(name, tmp_path):
    task = tasks_of(CURVES)[0]
    target = targets_of(task, [4], tmp_path)[4].valid
    (tried,) = METHODS[name]
    report, shipped = (tried.run(task, 1, 2, target, 4000, only) for only in (False, True))
    assert report.reached
    assert shipped.reached
    assert report.epochs <= shipped.epochs
    assert shipped.epochs >= task.horizon
    assert shipped.best <= target
