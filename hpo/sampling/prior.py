"""What practice says of a space, believed as far as the trials of a search bear it out.

Practice enters twice: candidates are drawn from it, and it is weighed against what a model foretells, less
the more trials there are. How far it is believed is decided anew for each parameter by how trials fared
that followed it, against those that did not. After Hvarfner et al., "piBO: Augmenting Acquisition
Functions with User Beliefs for Bayesian Optimization", ICLR 2022.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from hpo.sampling.encoding import Array, Encoding
from hpo.sampling.usual_values import PriorDensity

UNTRIED = 0.75
"""How far practice is believed before there is evidence."""
BELIEF = 0.85
"""The most that practice is believed."""
WEIGHT = 5.0
"""Trials after which the logarithm of practice's density counts as much as a draw of the model's scores.

Recorded curves were searched as fast with 7 and with 10, more slowly with 3 and 20, and with none at half the
speed or less where practice knows the names.
"""


class Prior:
    """A density over rows: in each cell a bell around the usual value, or anything at all.

    Args:
        encoding: Of the space.
        bells: What practice says of each parameter; None where it is silent.
        beliefs: How far it is believed, for each parameter; as before any evidence if None.
    """

    def __init__(
        self, encoding: Encoding, bells: Sequence[PriorDensity | None], beliefs: Array | None = None
    ):
        self._encoding, self._bells = encoding, bells
        self._told = [(column, bell) for column, bell in enumerate(bells) if bell is not None]
        self.beliefs = np.full(len(bells), UNTRIED) if beliefs is None else beliefs

    def learned(self, rows: Array, scores: Array) -> Prior:
        """The prior as trials at rows [n, parameters] with scores [n], about standard normal, leave it.

        The evidence is by how many standard errors trials near the usual value score above the others.
        """
        exists, offsets = self._encoding.exists(rows), self._offsets(rows)
        beliefs = np.zeros(len(self._bells))
        for column, _ in self._told:
            close = np.abs(offsets[:, column]) <= 1
            near, far = exists[:, column] & close, exists[:, column] & ~close
            errors = 0.0
            if near.any() and far.any():
                apart = scores[near].mean() - scores[far].mean()
                errors = float(apart) / math.sqrt(1 / near.sum() + 1 / far.sum())
            beliefs[column] = BELIEF * NormalDist().cdf(1.2 + errors)
        return Prior(self._encoding, self._bells, beliefs)

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        """Rows [count, parameters], each cell from practice as often as that is believed."""
        rows = rng.random((count, len(self._bells)))
        for column, bell in self._told:
            drawn, inside = bell.draw(rng, rows)
            believed = inside & (rng.random(count) < self.beliefs[column])
            rows[believed, column] = drawn[believed]
        return rows

    def plausible(self, rows: Array) -> Array:
        """The logarithm of the density at rows [n, parameters], 0 where all is as usual [n]."""
        if not self._told:
            return np.zeros(len(rows))
        bells = np.exp(-0.5 * np.nan_to_num(self._offsets(rows)) ** 2)
        density = np.log(1 - self.beliefs * (1 - bells))
        return np.asarray((density * self._encoding.exists(rows)).sum(1))

    def _offsets(self, rows: Array) -> Array:
        """How many spreads cells lie off the usual value [n, parameters]; NaN where practice is silent."""
        offsets = np.full(rows.shape, math.nan)
        for column, bell in self._told:
            offsets[:, column] = (rows[:, column] - bell.centre(rows)) / bell.spread
        return offsets
