"""The measurement of warm starts, and a check that a related history helps on synthetic curves."""

import argparse
from pathlib import Path

import pytest

from benchmarks.warm_start import measured, table

CURVES = Path(__file__).parent / "made_up_curves"


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    options = argparse.Namespace(
        curves=CURVES,
        suite="",
        cache=tmp_path_factory.mktemp("cache"),
        minutes=float("inf"),
        seeds=10,
        first_seed=0,
        histories="task,unrelated",
        budget=12,
        workers=2,
        give_up=2.0,
    )
    rows = measured(options)
    assert measured(options) == rows  # now from the cache
    return rows


def test_without_a_history_the_ratio_is_one(rows):
    assert {row["ratio"] for row in rows if row["history"] == "none"} == {1.0}


def test_there_is_a_row_for_each_task_and_suite_and_history(rows):
    means = [row for row in rows if row["task"] == "geometric mean"]
    assert {row["history"] for row in means} == {"none", "task", "unrelated"}
    assert table(rows).count("\n") + 1 == len(rows) + 5
    assert all(row["low"] <= row["ratio"] <= row["high"] for row in means)


def test_an_unrelated_history_does_little_harm(rows):
    (mean,) = [r for r in rows if r["task"] == "geometric mean" and r["history"] == "unrelated"]
    assert mean["ratio"] < 2.5
