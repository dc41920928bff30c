"""Intervals of scores against a known truth: a few repetitions of what `benchmarks.honesty` measures."""

import math

import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score

from benchmarks.interval_cells import CELLS, Cell, Law, covered
from hpo.core.trainable import Metric
from hpo.metrics.assessment import Assessment
from hpo.metrics.forms import Form
from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.form_intervals import form_interval
from hpo.selection.score_intervals import assessed_intervals, score_intervals
from trainables import scores

BINARY, GOOD, RARE, VALUES = Law("binary"), Law("binary", 4.0), Law("binary", prevalence=0.1), Law("values")


def intervals(outputs, targets, blocks=None, look=1, score=scores.classification):
    metrics = (Metric("accuracy", "max", proportion=True),)
    return score_intervals(score, metrics, outputs, targets, 0, look, blocks)


@pytest.mark.parametrize(
    "cell",
    [
        Cell("accuracy", 400, BINARY, 40, 0.3),
        Cell("accuracy", 400, BINARY, 20, 0.3),
        Cell("accuracy", 2000, BINARY, 100, 0.5),
        Cell("mean_squared_error", 400, VALUES, 20, 0.3),
        Cell("accuracy", 400, BINARY, within=0.9, times=True),
        Cell("macro_f1", 400, BINARY, 20, 0.3),
        Cell("macro_recall", 50, GOOD),
        Cell("macro_f1", 200, RARE),
        Cell("macro_precision", 200, RARE),
        Cell("roc_auc", 50, RARE),
        Cell("roc_auc", 200, Law("binary", prevalence=0.01)),
        Cell("average_precision", 200, RARE),
        Cell("loss", 20, BINARY),
        Cell("mean_squared_error", 50, Law("values", noise="t5")),
        Cell("r2", 50, VALUES),
    ],
    ids=lambda cell: cell.name,
)
def test_intervals_cover_the_truth(cell):
    result = covered(cell, 120)
    # Of 120 intervals that hold in 93 % more than 102 do, but for one run in five hundred.
    assert result["held"] / (result["draws"] - result["none"]) >= 0.85
    assert result["none"] <= 0.02 * result["draws"]


def test_cells_have_names_of_their_own():
    assert len({cell.name for cell in CELLS}) == len(CELLS)


def logits(labels, classes=2, width=4.0):
    return (width * np.eye(classes)[labels]).astype(np.float32)


def test_perfect_answers_are_not_certain():
    targets = np.arange(10) % 2
    found = intervals(logits(targets), targets)
    for name in ("accuracy", "macro_f1", "macro_precision", "macro_recall"):
        assert found[name].value == found[name].high == 1
        assert 0.4 < found[name].low < 0.8, name


def test_a_constant_answer_has_an_interval_of_recall():
    targets = (np.arange(200) < 20).astype(np.int64)
    found = intervals(logits(np.zeros(200, np.int64)), targets)
    assert found["macro_recall"].value == 0.5
    assert found["macro_recall"].low < 0.495 < 0.55 < found["macro_recall"].high


def test_a_loss_that_never_varies_and_a_single_row_have_no_interval_and_a_reason():
    targets = np.arange(10) % 2
    sure = intervals(logits(targets, width=20.0), targets)["loss"]
    assert sure.method == "no interval: the rows do not vary"
    one = intervals(np.array([1.0]), np.array([2.0]), score=scores.regression)
    assert one["mean_squared_error"].method == "no interval: a single row"
    assert math.isnan(one["mean_squared_error"].low)


def test_one_group_has_no_interval_and_two_have_a_wide_one():
    targets = np.arange(40) % 2
    outputs = logits(np.where(np.arange(40) < 30, targets, 1 - targets))
    one = intervals(outputs, targets, RowBlocks.of(40, np.zeros(40)))["accuracy"]
    assert one.method == "no interval: all rows are in one group"
    two = intervals(outputs, targets, RowBlocks.of(40, np.arange(40) // 20))["accuracy"]
    assert two.high - two.low > 0.9


def test_bad_input_gives_a_number_or_a_reason():
    targets = np.zeros(30, np.int64)
    one_class = intervals(logits(targets), targets)
    assert one_class["accuracy"].low < 1
    nan = intervals(np.full((30, 2), np.nan), targets)
    assert all(interval.method.startswith("no interval") for interval in nan.values())
    assert "r2" not in intervals(np.arange(9.0), np.ones(9), score=scores.regression)
    own = intervals(np.arange(9.0), np.ones(9), score=lambda some, _: {"r2": 0.0 * len(some)})
    assert own["r2"].method == "no interval: all targets are equal"
    many = np.arange(1000) % 200
    sparse = intervals(logits(many, 200), many)
    assert sparse["macro_f1"].method == "no interval: half of 200 classes have fewer than 10 rows"
    assert sparse["accuracy"].low < 1


def test_a_score_of_predictions_that_are_not_all_numbers_says_so():
    targets = np.arange(40) % 2
    outputs = logits(targets)
    outputs[:1] = np.nan
    metrics = (Metric("accuracy", "max", proportion=True), Metric("loss", "min"))

    def score(some, their):
        shares = {"accuracy": np.mean(some.argmax(1) == their), "loss": np.mean(some[their == 1])}
        return {name: float(value) for name, value in shares.items()}

    def found(some):
        assessment = Assessment(score(some, targets), score=score, outputs=some, targets=targets)
        return list(assessed_intervals(assessment, metrics, 40, 0).values())

    assert {of.missing for of in found(outputs)} == {"1 of 40 predictions is not a number"}
    outputs[1::2] = np.nan
    accuracy, loss = found(outputs)
    assert accuracy.method == "Wilson"
    assert loss.method.startswith("no interval")
    assert accuracy.missing == loss.missing == "21 of 40 predictions are not numbers"
    assert not any(of.missing for of in found(logits(targets)))


@pytest.mark.parametrize("n", [60, 200])
def test_a_hundredth_of_the_rows_that_carries_three_tenths_of_a_loss_has_a_word(n):
    errors, metrics = 1 + np.arange(n) % 7 / 10, (Metric("loss", "min"),)

    def method(values):
        return assessed_intervals(Assessment({"loss": 0.0}, {"loss": values}), metrics, n, 0)["loss"].method

    assert "few rows carry much of the loss" not in method(errors)
    errors[n // 2] = errors.sum()
    assert "few rows carry much of the loss" in method(errors)


def test_a_score_of_rows_without_a_value_says_how_many():
    rows = np.where(np.arange(30) < 2, np.nan, 0.5)
    assessment = Assessment({"shares": math.nan}, {"shares": rows})
    (of,) = assessed_intervals(assessment, (Metric("shares", "max"),), 30, 0).values()
    assert of.method == "no interval: the score is not finite"
    assert of.missing == "2 of 30 values are not numbers"


def test_methods_name_groups_and_stretches_of_time():
    targets = np.arange(400) % 2
    outputs = logits(np.where(np.random.default_rng(0).random(400) < 0.8, targets, 1 - targets))
    groups = intervals(outputs, targets, RowBlocks.of(400, np.arange(400) // 20))
    assert groups["accuracy"].method == "Wilson over 20 groups"
    assert groups["macro_f1"].method == "Wilson for each class, combined over 20 groups"
    assert intervals(outputs, targets)["accuracy"].method == "Wilson"
    times = intervals(outputs, targets, RowBlocks.of(400, times=np.arange(400)))
    assert times["accuracy"].method == "Wilson over 10 stretches of time"


def test_methods_say_what_makes_an_interval_rough():
    random = np.random.default_rng(0)
    targets = np.arange(400) % 2
    right = np.where(np.arange(400) < 396, targets, 1 - targets)
    assert intervals(logits(right), targets)["macro_recall"].method.endswith(", rough: few errors")
    few = np.concatenate([targets[:30], [2] * 5])
    wrong = np.where(random.random(35) < 0.3, 0, few)
    assert intervals(logits(wrong, 3), few)["macro_f1"].method.endswith(", rough: few rows of a class")
    ranked = intervals(random.normal(size=(200, 2)), (np.arange(200) < 10).astype(int))
    assert ranked["average_precision"].method.endswith(", rough: few positives")
    alike = RowBlocks.of(400, np.arange(400) // 20)  # positives come in threes that are ranked alike
    positive = np.where(np.arange(400) % 20 < 3, np.arange(400) // 20 % 2, 0)
    margin = np.repeat(random.normal(size=20), 20) + positive + random.normal(size=400) / 10
    ranked = intervals(np.stack([0 * margin, margin], 1), positive, alike)["average_precision"]
    assert ranked.method == "Wilson at the effective number of positives over 20 groups, rough: few positives"
    groups = intervals(logits(right), targets, RowBlocks.of(400, np.arange(400) // 40))["accuracy"]
    assert groups.method == "Wilson over 10 groups, which are few"


def test_an_average_precision_that_few_groups_carry_is_less_sure():
    groups, signs = RowBlocks.of(400, np.arange(400) // 20), np.where(np.arange(20) % 2, 1.0, -1.0)
    sums = np.repeat([signs, np.where(np.arange(20) < 2, signs, 0)], 20, axis=1)
    parts = [row / math.sqrt(1000 * groups.variance(row)) for row in sums]
    sizes = np.array([200.0, 200.0])
    sure, unsure = (form_interval(Form(0.8, part, "precision", sizes=sizes), groups) for part in parts)
    assert unsure.high - unsure.low > 1.5 * (sure.high - sure.low)


def test_a_user_s_metric_says_that_a_class_has_few_rows():
    targets = np.repeat([0, 1], [90, 10])
    wrong = np.random.default_rng(0).random(100) < 0.2

    def kappa(o, t):
        return {"kappa": float(cohen_kappa_score(t, o.argmax(1)))}

    found = intervals(logits(np.where(wrong, 1 - targets, targets)), targets, score=kappa)
    assert found["kappa"].method == "BCa bootstrap, rough: few rows of a class"
    few = np.flatnonzero(np.arange(100) < 95)
    found = intervals(logits(np.where(wrong, 1 - targets, targets))[few], targets[few], score=kappa)
    assert found["kappa"].method == "no interval: 5 rows of one class"
    assert math.isnan(found["kappa"].low)


def absolute(o, t):
    return {"own": float(np.abs(o - t).mean())}


def test_an_error_of_few_rows_may_be_larger_than_that_seen():
    held = tried = 0
    for seed in range(60):
        errors = np.random.default_rng(seed).choice(3, 20, p=[0.85, 0.1, 0.05]).astype(np.float64)
        if len(set(errors)) > 1:
            found = intervals(errors, np.zeros(20), score=absolute)["own"]
            held, tried = held + (found.low <= 0.2 <= found.high), tried + 1
    assert held >= 0.9 * tried


def test_rows_that_differ_by_rounding_have_no_interval():
    targets = np.arange(10) % 2
    found = intervals(logits(targets, width=3.0), targets)
    for name in ("loss", "calibration_error"):
        assert found[name].method == "no interval: the rows do not vary", name
    assert intervals(0.1 + np.zeros(10), np.zeros(10), score=absolute)["own"].method.startswith("no interval")


def test_one_group_gives_a_metric_of_unknown_form_no_interval_for_that_reason():
    def worst(o, t):
        return {"worst": float(np.abs(o - t).max())}

    one = RowBlocks.of(40, np.zeros(40))
    found = intervals(np.random.default_rng(0).normal(size=40), np.zeros(40), one, score=worst)["worst"]
    assert found.method == "no interval: all rows are in one group"


def test_rows_that_remember_longer_than_a_part_of_a_stretch_are_named():
    random = np.random.default_rng(0)
    wrong = (np.cumsum(random.normal(size=200)) > 0).astype(np.int64)
    shuffled = random.permutation(200)
    outputs, targets = logits(wrong)[shuffled], np.zeros(200, np.int64)
    method = intervals(outputs, targets, RowBlocks.of(200, times=shuffled))["accuracy"].method
    assert method == "Wilson over 10 stretches of time, which still depend on each other"
    taken = RowBlocks.of(200, times=shuffled).taken(np.arange(150))
    assert list(shuffled[:150][taken.order]) == sorted(shuffled[:150])
