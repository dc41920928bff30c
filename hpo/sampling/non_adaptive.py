"""Searchers that do not learn from results: random, quasi-random and grid."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from random import Random
from typing import Any

from hpo.core import seeds
from hpo.core.events import Cause, End
from hpo.core.proposals import Reason
from hpo.core.space import Choice, Domain, Integer, Point, Space, Uniform


class _NonAdaptive:
    """Ignores all results.

    Attributes:
        reason: Why it proposes any point.
    """

    reason: Reason = "random"

    def started(self, trial: int, point: Point) -> None:
        """Ignore the start of a trial."""

    def report(self, trial: int, epoch: int, value: float) -> None:
        """Ignore a report."""

    def timed(self, trial: int, seconds: float) -> None:
        """Ignore how long an epoch took."""

    def limited(self, trial: int, excesses: Mapping[str, float]) -> None:
        """Ignore by how much a trial violates the constraints."""

    def paused(self, trial: int) -> None:
        """Ignore that a trial is paused."""

    def taken_up(self, trial: int, point: Point) -> None:
        """Ignore that a paused trial continues."""

    def tell(self, trial: int, end: End, value: float, cause: Cause | None = None) -> None:
        """Ignore the end of a trial."""


class RandomSearcher(_NonAdaptive):
    """Independent draws from the prior (Bergstra & Bengio, JMLR 2012)."""

    def __init__(self, space: Space, seed: int):
        self._space = space
        self._seed = seed

    def ask(self, trial: int) -> Point:
        """Draw the point of a trial."""
        return self._space.sample(Random(seeds.derive(self._seed, "ask", trial)))


class QmcSearcher(_NonAdaptive):
    """A scrambled Sobol' sequence, which covers the space evenly even with few points.

    Owen, "Scrambling Sobol' and Niederreiter-Xing points", J. Complexity 1998. Forbidden points
    are skipped; the coordinates of parameters that do not exist at a point are unused.
    """

    def __init__(self, space: Space, seed: int):
        from scipy.stats import qmc

        self.reason = "sequence"
        self._space = space
        self._sobol = qmc.Sobol(len(space.parameters), rng=seeds.derive(seed, "sobol"))
        self._points: list[Point] = []

    def ask(self, trial: int) -> Point:
        """Return the trial-th allowed point of the sequence."""
        while len(self._points) <= trial:
            drawn = (
                self._sobol.random_base2(int(self._sobol.num_generated).bit_length() - 1)
                if self._sobol.num_generated
                else self._sobol.random(1)
            )
            points = (self._point(row) for row in drawn)
            self._points += [point for point in points if not self._space.forbidden(point)]
        return self._points[trial]

    def _point(self, row: Any) -> Point:
        point: dict[str, Any] = {}
        for parameter, coordinate in zip(self._space.parameters, row, strict=True):
            if self._space.exists(parameter, point):
                point[parameter.name] = at(parameter.domain, float(coordinate))
        return point


class GridSearcher(_NonAdaptive):
    """Every point of a finite space, once."""

    def __init__(self, space: Space):
        self.reason = "grid"
        self._points = space.grid()
        self._seen: list[Point] = []

    def ask(self, trial: int) -> Point | None:
        """Return the trial-th point; None after the last."""
        missing = trial + 1 - len(self._seen)
        self._seen += itertools.islice(self._points, max(0, missing))
        return self._seen[trial] if trial < len(self._seen) else None


def at(domain: Domain, quantile: float) -> Any:
    """Return the quantile of a domain's prior, for ``quantile`` in [0, 1)."""
    match domain:
        case Choice(values):
            return values[int(quantile * len(values))]
        case Uniform() if domain.shaped:
            return domain.quantile(quantile)
        case Uniform(step=float()):
            return domain.at(int(quantile * domain.count()))
        case Integer(low, log=False, step=step):
            return low + step * int(quantile * domain.count())
        case Integer(low, high):
            spread = math.log(high + 0.5) - math.log(low - 0.5)
            value = math.exp(math.log(low - 0.5) + quantile * spread)
            return min(max(round(value), low), high)
        case Uniform(low, high, log=True):
            value = math.exp(math.log(low) + quantile * (math.log(high) - math.log(low)))
            return min(max(value, low), high)
        case Uniform(low, high):
            return low + quantile * (high - low)
