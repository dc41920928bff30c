"""A model of earlier searches over the new search's space, corrected by the new search's own trials.

A Gaussian process is fitted once to how the trials of earlier searches ranked, each within its own
search: only ranks carry over to another data set. The new search's model then has to learn only what
this surface leaves unexplained; using a surface as the mean of a process is the idea of Golovin et al.,
"Google Vizier", KDD 2017 (section 3.3). How far the surface is trusted is decided again at every
proposal by how well it predicted the search's own trials (Feurer et al., "Scalable Meta-Learning
for Bayesian Optimization using Ranking-Weighted Gaussian Process Ensembles", 2018, weight
earlier models in the same way), so that an unrelated history soon loses its influence.
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
"""Most earlier trials used, over all searches."""
STEPS = 40
"""Gradient steps of the single fit."""
DOUBT = 2.0
"""Weight of the initial trust, in trials."""
SPREAD = 0.6
"""Expected distance of the search's own scores from the surface before there are any."""
UNTRUSTED, TRUSTED = 0.15, 0.35
"""Correlations of earlier trials with their leave-one-out predictions: below the first the history is
ignored, above the second it is fully used."""
ELITE = 12
"""Number of best earlier trials near which candidates are drawn."""


def graded(trials: Sequence[PartialResult], levels: int) -> list[float]:
    """Return how trials of one search ranked within it, as standard normal quantiles; higher is better.

    Args:
        trials: Their results so far; lower values are better.
        levels: Number of rungs of that search, including its horizon.
    """
    return [float(score) for score in normal_scores(expected(trials, levels))] if trials else []


def most_informative(scores: Sequence[float], most: int) -> list[int]:
    """Return the indices of at most ``most`` trials: the better half, and an even spread of the others."""
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
    if len(order) <= most:
        return sorted(order)
    best, rest = order[: most // 2], order[most // 2 :]
    count = most - len(best)
    return sorted(best + [rest[(2 * i + 1) * len(rest) // (2 * count)] for i in range(count)])


def best_and_different(space: Space, lessons: Sequence[EarlierTrials], count: int) -> list[Point]:
    """Return points worth trying first: the best by all lessons together, then good ones far from those.

    Args:
        space: The new search's space.
        lessons: Trials of earlier searches.
        count: Number of points.
    """
    earlier = EarlierSearches(Encoding(space), lessons)
    points = [point for lesson in lessons for point in lesson.points]
    allowed = [i for i, point in enumerate(points) if not space.forbidden(point)]
    if not allowed:
        return []
    x = earlier.features([points[i] for i in allowed])
    scores = np.array([score for lesson in lessons for score in lesson.scores])[allowed]
    merit = 0.5 * (scores + earlier.mean(x))
    chosen = [int(np.argmax(merit))]
    count = round(1 + earlier.consistency * (count - 1))
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
    """A surface of scores over a space, fitted to earlier searches.

    Args:
        encoding: Encoding of the new search's space.
        lessons: Trials of each earlier search.

    Attributes:
        scales: Scales of the process on what the surface leaves unexplained.
        consistency: How well earlier trials are predicted by each other, from 0 to 1: a history that
            cannot predict itself predicts nothing.
    """

    def __init__(self, encoding: Encoding, lessons: Sequence[EarlierTrials]):
        self._encoding = encoding
        self.scales = Scales(encoding.owner)
        self._fits: list[tuple[np.ndarray, Process, int]] = []
        self._left_out: list[tuple[Array, Array]] = []
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
        self.consistency = self._consistency()

    def _consistency(self) -> float:
        if not self._left_out:
            return 0.0
        predicted, actual = (np.concatenate(arrays) for arrays in zip(*self._left_out, strict=True))
        if len(predicted) < 3 or not predicted.std() or not actual.std():
            return 0.0
        correlation = float(np.corrcoef(predicted, actual)[0, 1])
        return min(max((correlation - UNTRUSTED) / (TRUSTED - UNTRUSTED), 0.0), 1.0)

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
        self._fits.append((columns, process, len(scores)))
        self._left_out.append((process.left_out(seen.y), scores))

    def features(self, points: Sequence[Point]) -> Array:
        """Return the features of points [n, features]."""
        return self._encoding.features(np.array([self._encoding.row(point) for point in points]))

    def mean(self, x: Array) -> Array:
        """Return the scores [n] that earlier searches predict at features [n, features]."""
        total = sum(count for *_, count in self._fits)
        mean = np.zeros(len(x))
        for columns, process, count in self._fits:
            mean += process.mean(x[:, columns]) * (count / total)
        return mean

    def near(self, rng: np.random.Generator, count: int, width: float = 0.1) -> Array:
        """Return rows near the best earlier trials [count, parameters]; empty without trials."""
        if not len(self._elite):
            return self._elite
        rows = self._elite[rng.integers(0, len(self._elite), count)]
        moved = rng.random(rows.shape) < 0.5
        return np.asarray(np.clip(rows + moved * width * rng.standard_normal(rows.shape), 0, 1))

    def trust(self, x: Array, scores: Array) -> Trust:
        """Return the trust in the surface, given the search's own trials [n, features] and scores [n]."""
        if not len(x):
            return Trust(self, 1.0, SPREAD)
        mean = self.mean(x)
        predicted, actual = mean - mean.mean(), scores - scores.mean()
        slope = (DOUBT + float(predicted @ actual)) / (DOUBT + float(predicted @ predicted))
        slope = min(max(slope, 0.0), 1.5)
        left = actual - slope * predicted
        return Trust(self, slope, math.sqrt((4 * SPREAD**2 + float(left @ left)) / (4 + len(left))))


class Trust:
    """The weighted surface: subtracts itself from observations, and adds itself to predictions.

    Attributes:
        slope: Share of a predicted difference that is expected in the search's own scores.
        spread: Standard deviation of those scores around the surface.
    """

    def __init__(self, earlier: EarlierSearches, slope: float, spread: float):
        self._earlier = earlier
        self.slope, self.spread = slope, spread

    def rest(self, seen: Observations) -> Observations:
        """Return what the surface leaves unexplained, at unit scale."""
        left = (seen.y - self.slope * self._earlier.mean(seen.x)) / self.spread
        return Observations(seen.x, left, seen.noise)

    def lifted(self, process: Process) -> Lifted:
        """Turn a process on the rest into one on scores."""
        return Lifted(self, process)

    def add(self, x: Array, mean: Array, deviation: Array) -> tuple[Array, Array]:
        """Return mean and deviation of the scores from those of the rest."""
        return self.slope * self._earlier.mean(x) + self.spread * mean, self.spread * deviation


class Lifted:
    """Predicts scores from a process fitted to what the surface left unexplained."""

    def __init__(self, trust: Trust, process: Process):
        self._trust, self._process = trust, process

    def predict(self, x: Array) -> tuple[Array, Array]:
        """Return mean and standard deviation [m] of the score at features [m, features]."""
        return self._trust.add(x, *self._process.predict(x))
