"""What an epoch of a candidate takes in seconds, relative to the trials so far.

The logarithm of a trial's seconds per epoch is regressed on the features of its point (ridge regression):
what a batch size, a width or a number of layers costs is close to linear there. The predictions are shrunk by
how well the regression predicts trials that it was fitted without (leave-one-out), so that differences which
are noise of the machine are not weighed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hpo.sampling.encoding import Array, Encoding

LEAST = 6
"""Trials with a time before costs are predicted."""
MOST = 200
"""Latest trials that are used."""
PENALTIES = (0.01, 0.1, 1.0, 10.0)
"""Ridge penalties, of which the one that predicts best is used."""


@dataclass(frozen=True, slots=True)
class _Fit:
    """A regression: ``(features - centre) @ weights`` is the logarithm of a relative cost."""

    centre: Array
    weights: Array


class Costs:
    """Predicts the cost of candidates from the times of trials.

    Args:
        encoding: Encoding of the space.
    """

    def __init__(self, encoding: Encoding):
        self._encoding = encoding
        self._rows: dict[int, Array] = {}
        self._seconds: dict[int, float] = {}
        self._fit: _Fit | None = None

    def started(self, trial: int, row: Array) -> None:
        """Note that a trial runs at a row."""
        self._rows[trial] = row

    def ended(self, trial: int) -> None:
        """Forget the row of a trial of which no epoch was timed."""
        if trial not in self._seconds:
            self._rows.pop(trial, None)

    def observe(self, trial: int, seconds: float) -> None:
        """Note how long an epoch of a trial took; the shortest counts, since the first includes start-up."""
        if trial not in self._rows or not 0 < seconds < self._seconds.get(trial, math.inf):
            return
        self._seconds[trial] = seconds
        self._fit = None
        if len(self._seconds) > MOST:
            oldest = next(iter(self._seconds))
            del self._seconds[oldest], self._rows[oldest]

    def relative(self, rows: Array) -> Array:
        """Return the logarithm of the predicted cost of rows [n, width] over the trials' mean cost [n]."""
        if len(self._seconds) < LEAST:
            return np.zeros(len(rows))
        self._fit = self._fit or self._fitted()
        return np.asarray((self._encoding.features(rows) - self._fit.centre) @ self._fit.weights)

    def _fitted(self) -> _Fit:
        features = self._encoding.features(np.array([self._rows[trial] for trial in self._seconds]))
        centre = features.mean(axis=0)
        logs = np.log(np.array(list(self._seconds.values())))
        x, y = features - centre, logs - logs.mean()
        error, weights = min((_ridge(x, y, penalty) for penalty in PENALTIES), key=lambda fit: fit[0])
        total = float(y @ y) / (1 - 1 / len(y)) ** 2  # the mean that predicts a trial is that of the others
        return _Fit(centre, max(0.0, 1 - error / total) * weights if total > 0 else np.zeros_like(weights))


def _ridge(x: Array, y: Array, penalty: float) -> tuple[float, Array]:
    """Return the leave-one-out squared error on x [n, features], and the weights [features]."""
    solution = np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T)
    weights = solution @ y
    leverage = 1 / len(y) + np.einsum("ij,ji->i", x, solution)
    return float((((y - x @ weights) / np.maximum(1 - leverage, 1e-9)) ** 2).sum()), weights
