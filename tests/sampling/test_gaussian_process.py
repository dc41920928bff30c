"""The Gaussian process against its formulas: what it is fitted to, and what it predicts."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from hpo.sampling.gaussian_process import NOISE, Observations, Process, Scales

OWNER = np.array([0, 0, 1, 2])
"""Four features of three parameters."""


@pytest.fixture(scope="module")
def seen():
    random = np.random.default_rng(3)
    x = random.random((25, len(OWNER)))
    y = np.sin(5 * x[:, 0]) + x[:, 2] ** 2 + 0.2 * random.standard_normal(25)
    return Observations(x, (y - y.mean()) / y.std(), random.choice([1.0, 3.0], 25))


def covariance(theta, one, other):
    """The kernel; ``theta`` holds the logarithms of the length scales, then that of the noise."""
    apart = (one[:, None] - other[None]) / np.exp(np.asarray(theta[:-1]))[OWNER]
    r = math.sqrt(5) * np.sqrt((apart**2).sum(2))
    return (1 + r + r**2 / 3) * np.exp(-r)


def level_and_noisy(theta, seen):
    """The level of highest posterior under a standard normal prior, and the covariance of the scores."""
    noisy = covariance(theta, seen.x, seen.x) + np.diag(math.exp(theta[-1]) * seen.noise + 1e-6)
    ones = np.linalg.solve(noisy, np.ones(len(seen.y)))
    return ones @ seen.y / (ones.sum() + 1), noisy


def log_posterior(theta, seen):
    level, noisy = level_and_noisy(theta, seen)
    likelihood = stats.multivariate_normal(np.full(len(seen.y), level), noisy).logpdf(seen.y)
    scales = stats.norm(math.log(0.5) + 0.25 * math.log(3), 0.8).logpdf(theta[:-1]).sum()
    return likelihood + stats.norm.logpdf(level) + scales + stats.norm(math.log(NOISE), 1).logpdf(theta[-1])


def theta_of(scales):
    first_features = np.searchsorted(OWNER, range(3))
    return np.append(-np.log(scales.per_feature()[first_features]), math.log(scales.noise))


def test_it_is_fitted_to_the_highest_posterior(seen):
    start = theta_of(Scales(OWNER))
    best = optimize.minimize(lambda theta: -log_posterior(theta, seen), start, tol=1e-8).x
    scales = Scales(OWNER)
    scales.fit(seen, 400)
    assert np.abs(best - start).min() > 0.05, "the data moves every scale and the noise"
    np.testing.assert_allclose(theta_of(scales), best, atol=2e-3)


def test_predictions_are_those_of_the_formulas(seen):
    scales, other = Scales(OWNER), np.random.default_rng(4).random((7, len(OWNER)))
    scales.fit(seen, 5)
    process, theta = Process(scales, seen), theta_of(scales)
    level, noisy = level_and_noisy(theta, seen)
    between = covariance(theta, other, seen.x)
    mean, deviation = process.predict(other)
    np.testing.assert_allclose(mean, level + between @ np.linalg.solve(noisy, seen.y - level))
    left = 1 - np.einsum("ij,ji->i", between, np.linalg.solve(noisy, between.T))
    np.testing.assert_allclose(deviation, np.sqrt(left))
    np.testing.assert_allclose(process.mean(other), mean)


def test_left_out_predictions_are_those_of_a_process_without_that_observation(seen):
    scales = Scales(OWNER)
    scales.fit(seen, 5)
    level, noisy = level_and_noisy(theta_of(scales), seen)
    found = Process(scales, seen).left_out(seen.y)
    for left in range(len(seen.y)):
        rest = np.flatnonzero(np.arange(len(seen.y)) != left)
        weights = np.linalg.solve(noisy[np.ix_(rest, rest)], seen.y[rest] - level)
        assert found[left] == pytest.approx(level + noisy[left, rest] @ weights)
