"""Paired gains: only pairs count, and families count alike."""

import json

import pytest

from benchmarks.paired_gain import interval, mean, pairs, rows


@pytest.fixture
def runs(tmp_path):
    path, lines = tmp_path / "runs.jsonl", []
    tasks = {"mit-lstm_ptb": 4, "deepobs-fmnist_vae": 2, "deepobs-mnist_vae": 8}
    for task, gain in tasks.items():
        for seed in range(3):
            for method, epochs in (("before/3", 100 * gain), ("after/auto", 100)):
                lines.append(
                    {
                        "key": f"{method} {task} 0.5 5000 4 {seed}",
                        "epochs": epochs,
                        "seconds": 2.0 * epochs / gain,
                    }
                )
    lines.append(
        {"key": "after/auto mit-lstm_ptb 0.5 5000 4 7", "epochs": 1, "seconds": 1.0}
    )  # has no counterpart
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_a_gain_is_the_ratio_of_epochs_with_equal_weights_of_families(runs):
    ((cell, families),) = pairs(runs, "after/auto", "before/3", range(10)).items()
    assert cell == ("deep", 4)
    assert mean(families) == pytest.approx(4.0)
    low, high = interval(families)
    assert low <= 4.0 <= high
    (row,) = list(rows({cell: families}))[2:]
    assert "| deep | 4 | 4.00 |" in row
    assert row.endswith("| 9 |")


def test_seeds_can_be_selected(runs):
    assert pairs(runs, "after/auto", "before/3", range(5, 9)) == {}


def test_gains_in_seconds_differ_where_epochs_do_not_all_take_as_long(runs):
    (families,) = pairs(runs, "after/auto", "before/3", range(10), "seconds").values()
    assert mean(families) == pytest.approx(4.0)  # 200 s of each search before, 200 s / gain after
