"""Which candidates are expected to satisfy the constraints of a search.

Each constraint has a Gaussian process of its own, over how far trials were from its limit. A candidate
counts as feasible if one draw from each process is within the limit, and otherwise by how far the draws are
beyond: Thompson sampling under constraints, Eriksson & Poloczek, "Scalable Constrained Bayesian
Optimization", AISTATS 2021.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from hpo.sampling.encoding import Array, Encoding
from hpo.sampling.gaussian_process import Observations, Process, Scales

LEAST = 3
"""Trials with a value of a constraint before it is modelled."""
MOST = 100
"""Latest trials that are used."""


class Feasibility:
    """What the trials of a search show about its constraints.

    Args:
        encoding: Encoding of the space.
    """

    def __init__(self, encoding: Encoding):
        self._encoding = encoding
        self._running: dict[int, Array] = {}
        self._seen: dict[str, dict[int, tuple[Array, float]]] = {}
        self._started = 0
        self._scales: dict[str, Scales] = {}
        self._next_fit: dict[str, int] = {}

    def started(self, trial: int, row: Array) -> None:
        """Note that a trial runs at a row."""
        self._running[trial] = row
        self._started += 1

    def ended(self, trial: int) -> None:
        """Note that nothing more will be observed of a trial."""
        self._running.pop(trial, None)

    def observe(self, trial: int, excesses: Mapping[str, float]) -> None:
        """Note by how much a trial violates constraints, by metric; positive if it does."""
        for metric, excess in excesses.items():
            values = self._seen.setdefault(metric, {})
            values[trial] = self._running[trial], excess
            if len(values) > MOST:
                del values[next(iter(values))]
            self._learn(metric)

    def shortfall(self, rng: np.random.Generator, rows: Array) -> Array:
        """Return by how much each row [n, parameters] is drawn to violate the constraints [n]; 0 for none."""
        total = np.zeros(len(rows))
        if not self._scales:
            return total
        features = self._encoding.features(rows)
        for metric in sorted(self._scales):
            mean, deviation = Process(self._scales[metric], self._observations(metric)).predict(features)
            total += np.maximum(mean + deviation * rng.standard_normal(len(mean)), 0.0)
        return total

    def _learn(self, metric: str) -> None:
        """Refit the scales of a constraint after every few new trials (later, every few percent)."""
        if len(self._seen[metric]) < LEAST or self._started < self._next_fit.get(metric, 0):
            return
        first = metric not in self._scales
        scales = self._scales.setdefault(metric, Scales(self._encoding.owner))
        scales.fit(self._observations(metric), 15 if first else 8)
        self._next_fit[metric] = max(self._started + 2, math.ceil(1.08 * self._started))

    def _observations(self, metric: str) -> Observations:
        """Return a constraint's values so that 0 is the limit and their mean square is 1."""
        seen = self._seen[metric].values()
        y = np.array([excess for _, excess in seen])
        x = self._encoding.features(np.array([row for row, _ in seen]))
        return Observations(x, y / max(float(np.sqrt(np.mean(y * y))), 1e-9), np.ones(len(y)))
