"""The statistical promises on searches whose truth is known, small enough for every run."""

import numpy as np
import pytest

from benchmarks.honesty import race, simulate
from benchmarks.simulated_searches import GENERATORS

SEARCHES = {"examples": 120, "epochs": 100, "final part": 80, "raced": 120, "folds": 150}


@pytest.fixture(scope="module", params=list(GENERATORS))
def figures(request):
    return simulate(GENERATORS[request.param], SEARCHES.get(request.param, 250), seed=5)


def test_each_estimate_has_under_a_fifth_of_the_raw_bias_and_the_better_under_a_tenth(figures):
    assert figures.raw.mean() > 0.003
    ratios = [figures.ratio(estimate) for estimate in (figures.fresh, figures.bootstrap)]
    # The searches of a test are few: two standard errors are granted, and no more than a third.
    assert all(abs(ratio) < min(0.2 + 2 * error, 0.33) for ratio, error in ratios)
    assert min(abs(ratio) - 2 * error for ratio, error in ratios) < 0.1
    assert max(error for _, error in ratios) < 0.08


def test_intervals_cover_the_truth(figures):
    for name in figures.covered:
        share, _ = figures.coverage(name)
        error = (0.95 * 0.05 / len(figures.covered[name])) ** 0.5
        assert 0.93 - 2 * error <= share <= 0.97 + 2 * error, name


def test_estimates_are_given_whenever_fresh_seeds_suffice(figures):
    assert figures.refused <= 0.02 * len(figures.raw)


@pytest.mark.parametrize("noise", ["Gaussian", "t, 3 degrees"])
def test_the_race_keeps_its_error_rate(noise):
    outcome = race(3, 4, 0.0, noise, 400, seed=3)
    assert outcome.dropped <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_the_race_saves_trainings_where_the_best_is_clear():
    outcome = race(3, 8, 5.0, "Gaussian", 60, seed=3)
    assert outcome.clear == 1.0
    assert outcome.saved > 0.3
