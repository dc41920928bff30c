"""A small Gaussian process: Matérn 5/2, one length scale per parameter, fitted by a few gradient steps.

Rasmussen & Williams, "Gaussian Processes for Machine Learning", 2006 (chapters 2, 4.2 and 5.4).
Length scales and noise have log-normal priors whose centre grows with the number of dimensions
(Hvarfner et al., "Vanilla Bayesian Optimization Performs Great in High Dimensions", ICML 2024),
so that a few observations do not overfit many scales. It is fitted to about 100 observations at most.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
ROOT5 = math.sqrt(5.0)
NOISE = 0.15
"""Centre of the prior of the noise variance; observations have unit variance."""


@dataclass(frozen=True)
class Observations:
    """The data a process is fitted to.

    Attributes:
        x: Features [n, features].
        y: Scores, about standard normal [n].
        noise: Ratio of each one's noise variance to the common one [n].
    """

    x: Array
    y: Array
    noise: Array


class Scales:
    """Length scales and noise, moved by Adam towards the maximum of their posterior.

    Args:
        owner: Parameter that each feature belongs to [features]; features of one parameter share a scale.
    """

    def __init__(self, owner: NDArray[np.intp]):
        width = int(owner[-1]) + 1 if len(owner) else 0
        self.owner = owner
        self._starts = np.flatnonzero(np.diff(owner, prepend=-1))
        self._centre = np.append(
            np.full(width, math.log(0.5) + 0.25 * math.log(max(width, 1))), math.log(NOISE)
        )
        self._spread = np.append(np.full(width, 0.8), 1.0)
        self._theta = self._centre.copy()
        self._first, self._second, self._steps = np.zeros(width + 1), np.zeros(width + 1), 0

    @property
    def noise(self) -> float:
        """The common noise variance."""
        return math.exp(self._theta[-1])

    def per_feature(self) -> Array:
        """Return the factors of the features [features]."""
        return np.asarray(np.exp(-self._theta[:-1])[self.owner])

    def fit(self, seen: Observations, steps: int) -> None:
        """Take a number of gradient steps on the observations."""
        apart = (seen.x.T[:, :, None] - seen.x.T[:, None, :]) ** 2
        gaps = np.add.reduceat(apart, self._starts, axis=0).reshape(len(self._starts), -1)
        for _ in range(steps):
            self._step(self._gradient(seen, gaps) - (self._theta - self._centre) / self._spread**2)

    def _gradient(self, seen: Observations, gaps: Array) -> Array:
        """Return the gradient of the log marginal likelihood in the logarithms of scales and noise."""
        n, squeeze = len(seen.y), np.exp(-2 * self._theta[:-1])
        r = np.sqrt(squeeze @ gaps)
        decay = np.exp(-ROOT5 * r)
        kernel = ((1 + ROOT5 * r + 5 / 3 * r * r) * decay).reshape(n, n)
        kernel[np.diag_indices(n)] += self.noise * seen.noise + 1e-6
        inverse: Array = np.asarray(np.linalg.inv(kernel), np.float64)
        _, weights = solved(inverse, seen.y)
        pull = np.outer(weights, weights) - inverse
        scales = 0.5 * squeeze * (gaps @ ((5 / 3) * (1 + ROOT5 * r) * decay * pull.ravel()))
        return np.append(scales, 0.5 * self.noise * float(np.diag(pull) @ seen.noise))

    def _step(self, gradient: Array, learning_rate: float = 0.1) -> None:
        self._steps += 1
        self._first = 0.9 * self._first + 0.1 * gradient
        self._second = 0.99 * self._second + 0.01 * gradient**2
        first, second = self._first / (1 - 0.9**self._steps), self._second / (1 - 0.99**self._steps)
        self._theta = self._theta + learning_rate * first / (np.sqrt(second) + 1e-3)


class Process:
    """A Gaussian process conditioned on observations."""

    def __init__(self, scales: Scales, seen: Observations):
        self._scale = scales.per_feature()
        self._x = seen.x * self._scale
        kernel = self._kernel(self._x)
        kernel[np.diag_indices(len(kernel))] += scales.noise * seen.noise + 1e-6
        self._inverse: Array = np.asarray(np.linalg.inv(kernel), np.float64)
        self._level, self._weights = solved(self._inverse, seen.y)

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation [m] of the score at features [m, features]."""
        k = self._kernel(x * self._scale)
        variance = 1 - ((k @ self._inverse) * k).sum(1)
        return self._level + k @ self._weights, np.sqrt(np.maximum(variance, 1e-6))

    def mean(self, x: Array) -> Array:
        """Return only the mean [m] of `predict`, which is cheaper."""
        return np.asarray(self._level + self._kernel(x * self._scale) @ self._weights)

    def left_out(self, y: Array) -> Array:
        """Return the leave-one-out prediction [n] of each observation it was conditioned on."""
        return np.asarray(y - self._weights / np.diag(self._inverse))

    def _kernel(self, a: Array) -> Array:
        b = self._x
        squared = np.maximum((a * a).sum(1)[:, None] + (b * b).sum(1) - 2 * a @ b.T, 0.0)
        r = np.sqrt(squared)
        return np.asarray((1 + ROOT5 * r + 5 / 3 * squared) * np.exp(-ROOT5 * r))


def solved(inverse: Array, y: Array) -> tuple[float, Array]:
    """Return the mean, under a standard normal prior, and the weights of the observations [n]."""
    ones = inverse.sum(1)
    mean = float(ones @ y) / (float(ones.sum()) + 1.0)
    return mean, inverse @ y - mean * ones
