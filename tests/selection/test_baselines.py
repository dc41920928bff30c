"""Baselines are scored on the model's own rows, and the difference has an interval that holds."""

import numpy as np
import pytest

from hpo.core.trainable import DataInfo, Examples, Metric
from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.baseline_scores import ModelRows, score_baselines
from hpo.selection.matched_pairs import matched_difference

METRICS = (Metric("accuracy", "max", True), Metric("macro_f1", "max"), Metric("log_loss", "min"))
SQUARED = (Metric("mse", "min"), Metric("own", "max"))


def parts(classes=2, n=400, kind="table", seed=0, shape=(3,)):
    """Training rows and 200 others, whose targets follow from the first column."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(n + 200, *shape)).astype(np.float32)
    first = inputs.reshape(len(inputs), -1)[:, 0]
    targets = first if not classes else np.digitize(first, np.linspace(-1, 1, classes + 1)[1:-1])
    names = tuple(map(str, range(classes)))
    columns = tuple(f"c{i}" for i in range(shape[0])) if kind == "table" else ()
    info = DataInfo(kind, "classification" if classes else "regression", shape, names, columns)
    return [Examples(inputs, targets, rows, info) for rows in (np.arange(n), np.arange(n, n + 200))]


UNKNOWN = ModelRows()


def scored(train, test, metrics=METRICS, model=UNKNOWN, **options):
    return score_baselines("test", train, test, metrics, metrics[0].name, model, 0, **options)


def values(found, metric):
    return {name: scores[metric]["value"] for name, scores in found.scores.items()}


def test_each_is_better_than_always_the_same_answer():
    accuracy = values(scored(*parts()), "accuracy")
    assert list(accuracy) == ["majority class", "linear model", "boosted trees"]
    assert accuracy["linear model"] > 0.95 > 0.9 < accuracy["boosted trees"]
    assert accuracy["majority class"] < 0.6


def test_values_are_predicted_and_a_users_own_metric_is_left_out():
    found = scored(*parts(0), SQUARED)
    errors = values(found, "mse")
    assert errors["linear model"] < 0.01 < errors["mean"] == pytest.approx(1, abs=0.25)
    assert all("own" not in scores for scores in found.scores.values())
    assert "own" in scored(*parts(0), SQUARED[::-1]).notes[0]


def test_images_have_the_nearest_one_instead_of_trees():
    train, test = parts(kind="image", shape=(20, 20, 1))
    found = scored(train, test)
    assert list(found.scores) == ["majority class", "linear model", "nearest row"]


@pytest.mark.parametrize("classes", [2, 0])
def test_the_nearest_row_answers_for_the_rows_that_it_saw(classes):
    """Each row's nearest one is itself: the answers are exact even if the neighbours' differ."""
    train, _ = parts(kind="image", shape=(20, 20, 1), classes=classes)
    shuffled = np.random.default_rng(1).permutation(train.targets)
    train = Examples(train.inputs, shuffled, train.rows, train.info)
    metrics, metric = (METRICS, "accuracy") if classes else (SQUARED, "mse")
    found = values(scored(train, train, metrics), metric)
    assert found["nearest row"] == pytest.approx(1 if classes else 0, abs=1e-9)


def test_gaps_and_categories_are_encoded_from_the_training_rows():
    train, test = parts()
    inputs = train.inputs.copy()
    inputs[::7, 0] = np.nan
    inputs[:, 1] = np.arange(len(inputs)) % 3
    inputs[:, 2] = np.nan
    info = DataInfo("table", "classification", (3,), ("a", "b"), ("x", "y", "z"), {"y": ("p", "q", "r")})
    found = scored(*(Examples(inputs, train.targets, part.rows, info) for part in (train, test)))
    assert values(found, "accuracy")["boosted trees"] > 0.85


def test_the_difference_is_taken_row_by_row():
    train, test = parts()
    right = np.ones((1, 200))
    found = scored(train, test, model=ModelRows(1.0, right))
    for name, difference in found.differences.items():
        assert difference["value"] == pytest.approx(1 - found.scores[name]["accuracy"]["value"])
        assert difference["low"] < difference["value"] < difference["high"]
    assert found.differences["majority class"]["low"] > 0


@pytest.mark.parametrize(
    ("train", "test", "named"),
    [
        ("one class", None, ["majority class"]),
        ("200 classes", None, ["majority class", "linear model", "nearest row"]),
        (None, "one class", ["majority class", "linear model", "boosted trees"]),
        (None, "ten rows", ["majority class", "linear model", "boosted trees"]),
        ("constant", "constant", ["mean", "linear model", "boosted trees"]),
    ],
)
def test_odd_data_has_the_baselines_that_it_can_have(train, test, named):
    classes = {"200 classes": 200, "constant": 0}.get(train, 2)
    ours, theirs = parts(classes, n=600 if classes == 200 else 120)
    targets = ours.targets.copy()
    if train in ("one class", "constant"):
        targets[:] = 1
    if test == "one class":
        targets[theirs.rows] = 1
    rows = theirs.rows[:10] if test == "ten rows" else theirs.rows
    both = [Examples(ours.inputs, targets, of, ours.info) for of in (ours.rows, rows)]
    found = scored(*both, METRICS if classes else SQUARED)
    assert list(found.scores) == named


def test_other_targets_have_none_and_the_reason():
    train, test = parts()
    info = DataInfo("array", "other", (3,))
    found = scored(*(Examples(of.inputs, of.targets, of.rows, info) for of in (train, test)))
    assert not found.scores
    assert "neither classes nor numbers" in found.notes[0]


def test_four_rows_apart_do_not_make_a_model_worse():
    rows = np.zeros((1, 113))
    rows[0, :4] = -1
    interval = matched_difference(rows, RowBlocks.independent(113))
    assert interval.low < interval.value < 0 < interval.high


def test_equal_answers_still_have_an_interval():
    interval = matched_difference(np.zeros((2, 90)), RowBlocks.independent(90))
    assert interval.low < 0 < interval.high


def test_the_interval_of_a_matched_difference_covers():
    rng, covered, n = np.random.default_rng(0), 0, 100
    for _ in range(1000):
        rows = rng.choice([-1.0, 0.0, 1.0], p=[0.02, 0.91, 0.07], size=(1, n))
        interval = matched_difference(rows, RowBlocks.independent(n))
        covered += interval.low <= 0.05 <= interval.high
    assert covered >= 930
