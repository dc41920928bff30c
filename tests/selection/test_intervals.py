import math

import numpy as np
import pytest
from scipy import stats

from hpo.core.trainable import Metric
from hpo.metrics.row_blocks import RowBlocks
from hpo.selection import intervals, resampling
from hpo.selection.intervals import level_of_look, mean_interval, spread, wilson
from hpo.selection.resampling import bootstrap
from hpo.selection.score_intervals import score_intervals


def losses(outputs, targets):
    errors = np.abs(outputs - targets)
    return {
        "error": float(errors.mean()),
        "worst": float(errors.max()),
        "accuracy": float((errors < 1).mean()),
    }


@pytest.mark.parametrize(("k", "n"), [(0, 10), (10, 10), (1, 30), (270, 360), (9_700, 10_000)])
def test_wilson_agrees_with_scipy(k, n):
    theirs = stats.binomtest(k, n).proportion_ci(0.95, "wilson")
    ours = wilson(k / n, n)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert ours.low <= ours.value <= ours.high


@pytest.mark.parametrize(("share", "n"), [(1.1, 10), (-0.1, 10), (0.5, 0), (math.nan, 3)])
def test_wilson_refuses_values_outside_zero_to_one(share, n):
    with pytest.raises(ValueError, match="share"):
        wilson(share, n)


@pytest.mark.parametrize(("share", "half"), [(0.5, 0.03), (0.97, 0.01), (1.0, 0.02), (0.0, 0.3)])
def test_as_many_examples_as_needed_are_enough_and_one_fewer_is_not(share, half):
    n = intervals.examples_needed(share, half)
    widths = [found.high - found.low for found in (wilson(share, n), wilson(share, n - 1))]
    assert widths[0] <= 2 * half < widths[1]
    with pytest.raises(ValueError, match="half width"):
        intervals.examples_needed(share, 0.0)


def test_bootstrap_agrees_with_bca_of_scipy():
    rng = np.random.default_rng(1)
    errors = rng.exponential(size=150)
    ours = bootstrap(losses, errors, np.zeros(150), seed=2, resamples=8000)["error"]
    theirs = stats.bootstrap((errors,), np.mean, n_resamples=8000, rng=3).confidence_interval
    width = theirs.high - theirs.low
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.1 * width)
    # The interval is not symmetric, because the error is skewed to the right.
    assert ours.high - ours.value > 1.05 * (ours.value - ours.low)


@pytest.mark.parametrize("n", [2, 7, 450])
def test_the_jackknife_leaves_each_row_out_once(n):
    left_out = []

    def watched(outputs, targets):
        if len(outputs) < n:
            left_out.extend(set(range(n)) - set(outputs.tolist()))
        return {"mean": float(np.mean(outputs))}

    bootstrap(watched, np.arange(n), np.zeros(n), seed=2, resamples=1)
    assert sorted(left_out) == list(range(n))


def test_the_grouped_jackknife_approximates_the_jackknife(monkeypatch):
    errors = np.random.default_rng(4).exponential(size=600)
    grouped = bootstrap(losses, errors, np.zeros(600), seed=5)["error"]
    monkeypatch.setattr(resampling, "JACKKNIFE", 600)
    single = bootstrap(losses, errors, np.zeros(600), seed=5)["error"]
    width = single.high - single.low
    assert (grouped.low, grouped.high) == pytest.approx((single.low, single.high), abs=0.05 * width)


def test_bootstrap_is_a_function_of_its_seed():
    errors = np.random.default_rng(1).exponential(size=50)
    first, again, other = (bootstrap(losses, errors, np.zeros(50), seed, resamples=200) for seed in (1, 1, 2))
    assert first == again
    assert first["error"] != other["error"]


def test_a_metric_undefined_on_many_resamples_has_no_ends():
    def ranked(outputs, targets):
        if len(set(targets)) < 2:
            raise ValueError("one class")
        return {"above": float(outputs[targets == 1].mean() > outputs[targets == 0].mean())}

    found = bootstrap(ranked, np.arange(5.0), np.array([0, 0, 0, 0, 1]), seed=0, resamples=200)["above"]
    assert found.value == 1.0
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert found.method == "no interval: undefined on these rows"


def test_the_test_score_uses_wilson_for_shares_and_the_bootstrap_for_the_rest():
    outputs, targets = np.random.default_rng(3).exponential(size=400), np.zeros(400)
    metrics = (Metric("accuracy", "max", proportion=True), Metric("error", "min", proportion=True))
    found = score_intervals(losses, metrics, outputs * 2, targets, seed=1)
    assert found["accuracy"] == wilson(found["accuracy"].value, 400)
    # A loss above 1 that is declared as a share is bootstrapped nevertheless.
    assert found["error"].value > 1
    assert found["error"].method == "bootstrap-t of the logarithm"
    assert found["worst"].method == "BCa bootstrap"
    assert list(found) == ["error", "worst", "accuracy"]
    grouped = RowBlocks.of(400, np.arange(400) // 40)
    found = score_intervals(losses, metrics, outputs, targets, seed=1, blocks=grouped)
    assert found["worst"].method == "BCa bootstrap over 10 groups, which are few"


def test_a_further_look_widens_the_interval_by_bonferroni():
    assert [level_of_look(n) for n in (1, 2, 5)] == pytest.approx([0.95, 0.975, 0.99])
    outputs, targets = np.random.default_rng(3).exponential(size=400), np.zeros(400)
    looks = [
        score_intervals(losses, (Metric("accuracy", "max", proportion=True),), outputs, targets, 1, n)
        for n in (1, 2, 10)
    ]
    for name in ("accuracy", "error"):
        widths = [look[name].high - look[name].low for look in looks]
        assert widths[0] < widths[1] < widths[2]
        assert len({look[name].value for look in looks}) == 1
    with pytest.raises(ValueError, match="counted from 1"):
        level_of_look(0)


def test_spread_and_mean_interval():
    found = spread([1.0, 2.0, 3.0, 4.0])
    assert (found.mean, found.n) == (2.5, 4)
    assert found.std == pytest.approx(np.std([1, 2, 3, 4], ddof=1))
    theirs = stats.ttest_1samp([1.0, 2.0, 3.0, 4.0], 0).confidence_interval(0.95)
    ours = mean_interval([1.0, 2.0, 3.0, 4.0])
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high))
    alone = mean_interval([0.5])
    assert alone.value == 0.5
    assert math.isnan(alone.low)
    assert math.isnan(spread([0.5]).std)


@pytest.mark.parametrize("values", [[], [1.0, math.nan], [math.inf]])
def test_a_failed_training_is_not_left_out_silently(values):
    with pytest.raises(ValueError, match="finite"):
        spread(values)


def coverage(draw, interval, truth, runs):
    rng = np.random.default_rng(0)
    hits = [low <= truth <= high for low, high in (interval(draw(rng)) for _ in range(runs))]
    return float(np.mean(hits))


@pytest.mark.parametrize("share", [0.6, 0.9, 0.97])
def test_wilson_has_its_nominal_coverage(share):
    def ends(k):
        found = wilson(k / 500, 500)
        return found.low, found.high

    assert 0.93 <= coverage(lambda rng: rng.binomial(500, share), ends, share, 4000) <= 0.97


def test_bca_has_its_nominal_coverage_for_a_skewed_loss():
    def ends(errors):
        found = bootstrap(lambda o, t: {"loss": o.mean()}, errors, errors, seed=1, resamples=300)["loss"]
        return found.low, found.high

    assert 0.92 <= coverage(lambda rng: rng.exponential(size=100), ends, 1.0, 250) <= 0.98
