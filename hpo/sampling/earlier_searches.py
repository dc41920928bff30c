"""What earlier searches know, as a surface over the new search's space that its own trials correct.

A Gaussian process is fitted once to how the trials of earlier searches ranked, each within its own
search: ranks alone survive another data set. The new search's model then has to learn only what
that surface leaves unexplained; a surface as the mean of a process is the idea of Golovin et al.,
"Google Vizier", KDD 2017 (section 3.3). How far the surface is trusted is decided anew at every
proposal by how well it foretold the search's own trials (Feurer et al., "Scalable Meta-Learning
for Bayesian Optimization using Ranking-Weighted Gaussian Process Ensembles", 2018, weigh
earlier models so), so that a history that has nothing to do with the new search soon says nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from hpo.core.space import Point, Space
from hpo.core.warm_start import EarlierTrials
from hpo.sampling.encoding import Array, Encoding
from hpo.sampling.extrapolation import PartialResult, expected, normal_scores
from hpo.sampling.gaussian_process import Observations, Process, Scales

MOST = 120
"""Earlier trials that are looked at, over all searches."""
STEPS = 40
"""Gradient steps of the one fit."""
DOUBT = 2.0
"""How many trials' worth of evidence the trust before the first trial weighs."""
SPREAD = 0.6
"""How far own scores are expected to lie from the surface before there are any."""
NOISE, SENSE = 0.15, 0.35
"""Correlations of earlier trials with what the others foretell: up to which they say nothing, from
which they are taken at their word."""
ELITE = 12
"""Best earlier trials near which candidates are drawn."""


def graded(trials: Sequence[PartialResult], levels: int) -> list[float]:
    """How trials of one search fared within it: ranks as standard normal quantiles, higher is better.

    Args:
        trials: What each showed, lower values being better.
        levels: Number of rungs of that search, its horizon included.
    """
    return [float(score) for score in normal_scores(expected(trials, levels))] if trials else []


def most_informative(scores: Sequence[float], most: int) -> list[int]:
    """The places of the trials that tell most [at most ``most``]: the better half, the others evenly."""
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    if len(order) <= most:
        return sorted(order)
    best, rest = order[: most // 2], order[most // 2 :]
    count = most - len(best)
    return sorted(best + [rest[(2 * i + 1) * len(rest) // (2 * count)] for i in range(count)])


def best_and_different(space: Space, lessons: Sequence[EarlierTrials], count: int) -> list[Point]:
    """Points worth trying first: the best by all lessons together, then good ones far from those chosen.

    Args:
        space: The new search's space.
        lessons: What earlier searches found out.
        count: How many points.
    """
    earlier = EarlierSearches(Encoding(space), lessons)
    points = [point for lesson in lessons for point in lesson.points]
    allowed = [i for i, point in enumerate(points) if not space.forbidden(point)]
    if not allowed:
        return []
    x = earlier.features([points[i] for i in allowed])
    own = np.array([score for lesson in lessons for score in lesson.scores])[allowed]
    merit = 0.5 * (own + earlier.mean(x))
    chosen = [int(np.argmax(merit))]
    count = round(1 + earlier.sense * (count - 1))
    good = np.flatnonzero(merit >= np.sort(merit)[-min(len(merit), max(10, 3 * count))])
    while len(chosen) < min(count, len(good)):
        apart = np.sqrt(((x[good, None] - x[None, chosen]) ** 2).sum(2)).min(1)
        spread = merit[good] - merit[good].min() + 1e-3
        gain = np.where(np.isin(good, chosen) | (apart < 1e-6), -np.inf, apart * spread)
        if not np.isfinite(gain.max()):
            break
        chosen.append(int(good[int(np.argmax(gain))]))
    return [points[allowed[i]] for i in chosen]


class EarlierSearches:
    """The surface that earlier searches draw over a space.

    Args:
        encoding: Of the new search's space.
        lessons: What each earlier search found out.

    Attributes:
        scales: Of the process on what the surface leaves unexplained.
        sense: Whether earlier trials are foretold by the others, from 0 to 1: a history that cannot
            foretell itself foretells nothing.
    """

    def __init__(self, encoding: Encoding, lessons: Sequence[EarlierTrials]):
        self._encoding = encoding
        self.scales = Scales(encoding.owner)
        self._parts: list[tuple[np.ndarray, Process, int]] = []
        self._foretold: list[tuple[Array, Array]] = []
        share = max(1, MOST // max(1, len(lessons)))
        rows, merits = [], []
        for names in dict.fromkeys(lesson.names for lesson in lessons):
            alike = [lesson for lesson in lessons if lesson.names == names]
            points, scores = [], []
            for lesson in alike:
                kept = most_informative(lesson.scores, share)
                points += [lesson.points[i] for i in kept]
                scores += [lesson.scores[i] for i in kept]
            self._add(names, points, np.array(scores))
            rows += [encoding.row(point) for point in points]
            merits += scores
        best = np.argsort(-np.array(merits), kind="stable")[:ELITE]
        self._elite = np.array(rows)[best] if rows else np.empty((0, encoding.width))
        self.sense = self._sense()

    def _sense(self) -> float:
        if not self._foretold:
            return 0.0
        said, was = (np.concatenate(each) for each in zip(*self._foretold, strict=True))
        if len(said) < 3 or not said.std() or not was.std():
            return 0.0
        together = float(np.corrcoef(said, was)[0, 1])
        return min(max((together - NOISE) / (SENSE - NOISE), 0.0), 1.0)

    def _add(self, names: Sequence[str], points: Sequence[Point], scores: Array) -> None:
        shared = {j for j, p in enumerate(self._encoding.space.parameters) if p.name in names}
        columns = np.flatnonzero(np.isin(self._encoding.owner, sorted(shared)))
        if not len(columns) or not points:
            return
        _, owner = np.unique(self._encoding.owner[columns], return_inverse=True)
        scales = Scales(owner)
        seen = Observations(self.features(points)[:, columns], scores, np.ones(len(scores)))
        scales.fit(seen, STEPS)
        process = Process(scales, seen)
        self._parts.append((columns, process, len(scores)))
        self._foretold.append((process.left_out(seen.y), scores))

    def features(self, points: Sequence[Point]) -> Array:
        """What the surface is a function of [n, features]."""
        return self._encoding.features(np.array([self._encoding.row(point) for point in points]))

    def mean(self, x: Array) -> Array:
        """What earlier searches expect at features [n, features], as scores [n]."""
        total = sum(count for *_, count in self._parts)
        found = np.zeros(len(x))
        for columns, process, count in self._parts:
            found += process.mean(x[:, columns]) * (count / total)
        return found

    def near(self, rng: np.random.Generator, count: int, width: float = 0.1) -> Array:
        """Rows near the best earlier trials [count or none, parameters]."""
        if not len(self._elite):
            return self._elite
        rows = self._elite[rng.integers(0, len(self._elite), count)]
        moved = rng.random(rows.shape) < 0.5
        return np.asarray(np.clip(rows + moved * width * rng.standard_normal(rows.shape), 0, 1))

    def trust(self, x: Array, scores: Array) -> Trust:
        """How far the surface is believed, given the search's own trials [n, features] and scores [n]."""
        if not len(x):
            return Trust(self, 1.0, SPREAD)
        mean = self.mean(x)
        apart, fared = mean - mean.mean(), scores - scores.mean()
        slope = (DOUBT + float(apart @ fared)) / (DOUBT + float(apart @ apart))
        slope = min(max(slope, 0.0), 1.5)
        left = fared - slope * apart
        return Trust(self, slope, math.sqrt((4 * SPREAD**2 + float(left @ left)) / (4 + len(left))))


class Trust:
    """The surface at a weight: takes itself out of observations, and adds itself to predictions.

    Attributes:
        slope: How much of a difference the surface foretells is expected of the search's own scores.
        spread: How far those lie from it, as a standard deviation.
    """

    def __init__(self, earlier: EarlierSearches, slope: float, spread: float):
        self._earlier = earlier
        self.slope, self.spread = slope, spread

    def rest(self, seen: Observations) -> Observations:
        """What the surface leaves unexplained, at unit scale."""
        left = (seen.y - self.slope * self._earlier.mean(seen.x)) / self.spread
        return Observations(seen.x, left, seen.noise)

    def lifted(self, process: Process) -> Lifted:
        """A process on the rest, as one on scores."""
        return Lifted(self, process)

    def add(self, x: Array, mean: Array, deviation: Array) -> tuple[Array, Array]:
        """Mean and deviation of scores from those of the rest."""
        return self.slope * self._earlier.mean(x) + self.spread * mean, self.spread * deviation


class Lifted:
    """Predicts scores from a process that knows only what the surface left unexplained."""

    def __init__(self, trust: Trust, process: Process):
        self._trust, self._process = trust, process

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Mean and standard deviation [m] of the score at features [m, features]."""
        return self._trust.add(x, *self._process.predict(x))
