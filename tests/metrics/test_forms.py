"""Metrics are recognized by their values, and the influence of a row agrees with leaving it out."""

import numpy as np
import pytest
from sklearn import metrics

from benchmarks.interval_cells import Cell, Law, draw
from benchmarks.metric_scores import SCORES
from hpo.metrics.classification import macro_f1
from hpo.metrics.forms import forms, jackknifed
from hpo.metrics.row_blocks import RowBlocks
from trainables import scores

BINARY, FIVE, VALUES = Law("binary"), Law("classes", 0.7, 0.1, 5), Law("values")

CLASSES = ("accuracy", "error", "loss", "macro_f1", "macro_precision", "macro_recall", "balanced_accuracy")
CASES = [
    *((name, law) for name in CLASSES for law in (BINARY, FIVE)),
    *((name, BINARY) for name in ("roc_auc", "average_precision", "brier")),
    *((name, VALUES) for name in ("mean_squared_error", "mean_absolute_error", "r2")),
]


def drawn(law, n=300, seed=0):
    return draw(np.random.default_rng(seed), Cell("", n, law), n)


@pytest.mark.parametrize(("name", "law"), CASES)
def test_a_known_metric_is_recognized_with_the_influence_of_each_row(name, law):
    outputs, targets = drawn(law)

    def score(o, t):
        return {name: SCORES[name](o, t)}

    form, left_out = forms(score, outputs, targets)[name], jackknifed(score, name, outputs, targets)
    assert form.value == pytest.approx(score(outputs, targets)[name], rel=1e-6)
    assert form.scale != "real"
    assert form.contributions.mean() == pytest.approx(form.value, rel=1e-6)
    errors = form.influence - left_out.influence
    assert np.sqrt((errors**2).mean()) < 0.1 * left_out.influence.std()


def test_a_macro_average_of_ranking_over_several_classes_is_recognized():
    outputs, targets = drawn(FIVE)
    shares = scores.probabilities(outputs)

    def score(o, t):
        return {"auc": metrics.roc_auc_score(t, scores.probabilities(o), multi_class="ovr")}

    form = forms(score, outputs, targets)["auc"]
    assert (form.scale, form.each) == ("classes", "ranking")
    one = metrics.roc_auc_score(targets == 0, shares[:, 0])
    assert form.classes[0] == pytest.approx(one)


def test_a_custom_mean_is_found_row_by_row_and_an_order_statistic_is_not():
    outputs, targets = drawn(VALUES)

    def score(o, t):
        error = np.abs(o - t)
        return {"within": float((error < 1).mean()), "cubed": float((error**3).mean()), "worst": error.max()}

    found = forms(score, outputs, targets)
    assert (found["within"].scale, found["cubed"].scale, found["worst"]) == ("share", "positive", None)


def one_class(o, t):
    predicted = o.argmax(1)
    rates = {"recall": metrics.recall_score, "precision": metrics.precision_score, "f1": metrics.f1_score}
    return {name: float(rate(t, predicted, zero_division=0.0)) for name, rate in rates.items()}


def test_recall_precision_and_f1_of_one_of_two_classes_are_recognized():
    found = forms(one_class, *drawn(Law("binary", prevalence=0.2)))
    assert {(form.scale, len(form.classes)) for form in found.values()} == {("classes", 1)}
    assert [form.each for form in found.values()] == ["share", "precision", "f1"]


def test_equal_values_are_told_apart_by_the_name_of_the_metric():
    targets = np.repeat([0, 1], [45, 5])
    never, always = np.tile([1.0, 0.0], (50, 1)), np.eye(2)[targets]
    assert [float(form.sizes[0]) for form in forms(one_class, never, targets).values()] == [5, 0, 5]
    perfect = forms(lambda o, t: {**one_class(o, t), "accuracy": 1.0, "macro_f1": 1.0}, always, targets)
    assert [len(form.classes) for form in perfect.values()] == [1, 1, 1, 0, 2]
    assert [float(perfect[name].sizes[0]) for name in ("recall", "precision", "f1")] == [5, 5, 5]


@pytest.mark.parametrize("score", [metrics.matthews_corrcoef, metrics.cohen_kappa_score])
def test_a_score_that_is_constant_on_these_answers_alone_is_no_mean(score):
    targets = np.repeat([0, 1], [45, 5])
    never = np.tile([1.0, 0.0], (50, 1))
    assert forms(lambda o, t: {"own": score(t, o.argmax(1))}, never, targets) == {"own": None}
    right = forms(lambda o, t: {"own": (t == o.argmax(1)).mean()}, np.eye(2)[targets], targets)
    assert right["own"].scale == "share"


def test_a_score_that_rejects_single_rows_is_unknown():
    def score(o, t):
        if len(t) < 2:
            raise ValueError("one row")
        return {"mean": float(((o - t) ** 4).mean())}

    assert forms(score, *drawn(VALUES))["mean"] is None


def test_identical_rows_of_a_group_count_once():
    once = np.random.default_rng(0).standard_normal(40)
    once -= once.mean()
    groups = RowBlocks.of(400, np.repeat(np.arange(40), 10))
    assert groups.variance(np.repeat(once, 10)) == pytest.approx(RowBlocks.independent(40).variance(once))
    assert (groups.count, groups.dof) == (40, 39)
    uneven = RowBlocks.of(400, np.minimum(np.arange(400) // 2, 10))
    assert uneven.dof < 1


def test_stretches_of_time_have_equal_sizes_and_keep_equal_times_together():
    times = np.random.default_rng(0).permutation(np.repeat(np.arange(50), 4)).astype(float)
    blocks = RowBlocks.of(200, times=times)
    assert np.bincount(blocks.codes).tolist() == [20] * 10
    assert all(len(set(blocks.codes[times == moment])) == 1 for moment in range(50))
    assert RowBlocks.of(30, times=np.zeros(30)).count == 1


def test_a_variance_over_time_is_extrapolated_to_long_stretches():
    rng, found = np.random.default_rng(0), []
    for _ in range(200):
        hidden = np.empty(1000)
        hidden[0] = rng.standard_normal()
        for row in range(1, 1000):
            hidden[row] = 0.9 * hidden[row - 1] + np.sqrt(0.19) * rng.standard_normal()
        found.append(RowBlocks.of(1000, times=np.arange(1000)).variance(hidden - hidden.mean()))
    assert np.mean(found) == pytest.approx(19 / 1000, rel=0.25)


def test_whole_blocks_are_drawn():
    blocks = RowBlocks.of(60, np.repeat(np.arange(6), 10))
    rows = blocks.drawn(np.random.default_rng(1))
    counts = np.bincount(rows, minlength=60).reshape(6, 10)
    assert len(rows) == 60
    assert (counts == counts[:, :1]).all()


def test_the_bias_of_macro_f1_is_that_of_many_draws():
    random = np.random.default_rng(0)

    def drawn(n):
        targets = random.integers(0, 20, n)
        other = (targets + random.integers(1, 20, n)) % 20
        return macro_f1(np.where(random.random(n) < 0.8, targets, other), targets)

    truth = drawn(200_000).value
    some = [drawn(200) for _ in range(300)]
    bias = np.mean([form.value for form in some]) - truth
    assert bias < -0.003
    assert np.mean([form.bias for form in some]) == pytest.approx(bias, abs=0.003)
