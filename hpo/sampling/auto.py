"""The default sampler, made for early stopping: it learns from partly trained trials.

A few hundred candidates are drawn, some near the usual values of well-known hyperparameters, the rest
uniformly. A Gaussian process, fitted to what trials are expected to reach, scores each candidate by one
draw from its posterior (Thompson, Biometrika 1933; Kandasamy et al., "Parallelised Bayesian Optimisation via
Thompson Sampling", AISTATS 2018), so that workers that ask at the same time get different points;
then the neighbourhood of the best candidates is searched. The prior of usual values is added to the score,
with a weight that shrinks as trials accumulate (see `hpo.sampling.prior`). Candidates that are drawn to
violate a constraint come last (see `hpo.sampling.feasibility`). If the budget is a time, what an epoch of
a candidate costs is subtracted (see `hpo.sampling.costs`), less and less as trials accumulate (Lee et al.,
"Cost-aware Bayesian Optimization", ICML AutoML workshop 2020: what is cheap comes first).

A proposal depends only on the results so far and on (search seed, trial number), and asking changes
nothing: the model's scales are updated only when trials report.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from random import Random

import numpy as np

from hpo.core import seeds
from hpo.core.events import Cause, End
from hpo.core.objective import Mode
from hpo.core.practice import UNKNOWN, Practice
from hpo.core.proposals import Reason
from hpo.core.space import Point, Space
from hpo.core.warm_start import EarlierTrials
from hpo.sampling.costs import Costs
from hpo.sampling.densities import prior_densities
from hpo.sampling.earlier_searches import EarlierSearches, Lifted, Trust
from hpo.sampling.encoding import Array, Encoding
from hpo.sampling.extrapolation import PartialResult, PartialResults, expected, normal_scores
from hpo.sampling.feasibility import Feasibility
from hpo.sampling.gaussian_process import Observations, Process, Scales
from hpo.sampling.prior import WEIGHT, Prior

START = 3
"""Number of trials proposed from the prior alone."""
POOL = 400
"""Number of candidates for each proposal."""
WIDTHS = (0.1, 0.03)
"""Step sizes of the local search around the best candidates, as fractions of a range."""
GOOD = 0.75
"""Quantile of what the model expects of the trials so far, from which a proposal is not exploration."""
CLOSE = 0.04
"""A candidate nearly repeats a tried point if no parameter differs by more than this share of its range.

Otherwise the trials around the best region differ by less than a seed does, and what is a little better
elsewhere ranks behind all of them.
"""
SPACING = 0.15
"""The same as a share of the distance between as many evenly spread points, where that is less."""
SAME = 1e-9
"""Distance below which two points are the same."""
INFEASIBLE = -1e6
"""Score of a candidate that is drawn to violate a constraint, less its violation."""
COST_WEIGHT = 0.6
"""Weight of costs if the budget is a time: see ``cost_weight`` of `AutoSearcher`."""
COOLING = 12
"""Trials after which costs weigh half as much.

With a constant weight, expensive points that are better in the end come too late.
"""
IGNORE_EARLIER = 4
"""One trial in this many is proposed without the earlier searches."""


class AutoSearcher:
    """Thompson sampling from a Gaussian process over fully and partly trained trials.

    Args:
        space: Space to search.
        mode: Direction of the reported values.
        seed: The search's seed.
        rungs: Epochs at which trials are compared.
        horizon: Epochs of a full training.
        lessons: Trials of earlier searches.
        practice: What decides which values are usual.
        cost_weight: Standard deviations of score that a candidate loses at first if its epoch takes e times
            as long as that of other trials; see `COOLING`.

    Attributes:
        reason: Why it proposed the last point.
    """

    def __init__(
        self,
        space: Space,
        mode: Mode,
        seed: int,
        rungs: Sequence[int],
        horizon: int,
        lessons: Sequence[EarlierTrials] = (),
        practice: Practice = UNKNOWN,
        cost_weight: float = 0.0,
    ):
        self._space = space
        self._sign = -1.0 if mode == "max" else 1.0
        self._seed = seed
        self._horizon = horizon
        self._levels = (*rungs, horizon)
        self._encoding = Encoding(space)
        self._prior = Prior(self._encoding, prior_densities(space, practice))
        self._earlier = EarlierSearches(self._encoding, lessons) if lessons and space.parameters else None
        self._results = PartialResults(self._levels)
        self._scales = Scales(self._encoding.owner)
        self._next_fit = START
        self._feasibility = Feasibility(self._encoding)
        self._costs = Costs(self._encoding)
        self._cost_weight = cost_weight
        self.reason: Reason = "random"

    def ask(self, trial: int) -> Point:
        """Propose the point of a trial."""
        self.reason = "random"
        if not self._space.parameters:
            return {}
        seed = seeds.derive(self._seed, "ask", trial)
        rng = np.random.default_rng(seed)
        chosen = self._results.chosen()
        scores = normal_scores(expected(chosen, len(self._levels)))
        seen = self._seen(chosen, scores)
        earlier = self._earlier_trust(trial, rng, seen)
        if earlier is None and (trial < START or len(chosen) < 3):
            rows = self._prior.draw(rng, POOL)
            rows = rows[np.argsort(self._feasibility.shortfall(rng, rows), kind="stable")]
            self.reason = "practice" if self._prior.informed else "random"
            return self._first_allowed(rows, []) or self._space.sample(Random(seed))
        prior = self._prior.learned(self._rows(chosen), scores)
        rows = prior.draw(rng, POOL)
        if self._earlier is not None and earlier is not None:
            near = self._earlier.near(rng, round(POOL / 4 * min(1.0, earlier.slope)))
            rows = np.concatenate([rows, near])
        waiting = list(self._results.pending.values())
        process = self._model(seen, waiting, earlier)
        cost_weight = self._cost_weight * COOLING / (COOLING + len(self._results))

        def scored(candidates: Array) -> Array:
            mean, deviation = process.predict(self._encoding.features(candidates))
            drawn = mean + deviation * rng.standard_normal(len(mean))
            if not earlier:  # they know more than the usual values do
                drawn = drawn + WEIGHT / len(chosen) * prior.plausible(candidates)
            if cost_weight:
                drawn = drawn - cost_weight * self._costs.relative(candidates)
            beyond = self._feasibility.shortfall(rng, candidates)
            return np.where(beyond > 0, INFEASIBLE - beyond, drawn)

        ranked = self._ranked(rng, rows, scored)
        point = self._first_allowed(ranked, [*chosen, *waiting])
        if point is None:
            return self._space.sample(Random(seed))
        self.reason = "earlier" if isinstance(process, Lifted) else self._reason(process, point, seen)
        return point

    def _reason(self, process: Process, point: Point, seen: Observations) -> Reason:
        """Return whether a model expects a point to be good, or only thinks it possible."""
        at_point = self._encoding.features(self._encoding.row(point)[None])
        expected_there, *expected_of_trials = process.mean(np.concatenate([at_point, seen.x]))
        return "model" if expected_there >= np.quantile(expected_of_trials, GOOD) else "exploration"

    def _earlier_trust(self, trial: int, rng: np.random.Generator, seen: Observations) -> Trust | None:
        """Return the trust in earlier searches, or None if this trial is to ignore them.

        They are used as often as they predict their own trials. Some trials always ignore them: otherwise
        nothing could show that they are wrong.
        """
        if self._earlier is None or trial % IGNORE_EARLIER == 0 or rng.random() >= self._earlier.consistency:
            return None
        return self._earlier.trust(seen.x, seen.y)

    def started(self, trial: int, point: Point) -> None:
        """Note that a trial runs at this point, whatever proposed it."""
        row = self._encoding.row(point)
        self._results.start(trial, row)
        self._feasibility.started(trial, row)
        self._costs.started(trial, row)

    def report(self, trial: int, epoch: int, value: float) -> None:
        """Note the value by which a running trial counts after an epoch."""
        if math.isfinite(value):
            self._results.report(trial, epoch, self._sign * value)
            self._learn()

    def timed(self, trial: int, seconds: float) -> None:
        """Note how long an epoch of a running trial took."""
        self._costs.observe(trial, seconds)

    def limited(self, trial: int, excesses: Mapping[str, float]) -> None:
        """Note by how much a trial violates the constraints."""
        if self._space.parameters:
            self._feasibility.observe(trial, excesses)

    def paused(self, trial: int) -> None:
        """Ignore that a trial is paused: its results count as those of a running trial do."""

    def taken_up(self, trial: int, point: Point) -> None:
        """Ignore that a paused trial continues."""

    def tell(self, trial: int, end: End, value: float, cause: Cause | None = None) -> None:
        """Note that a trial has ended; what it reported before a crash still counts."""
        if end is End.FINISHED and math.isfinite(value):
            self._results.report(trial, self._horizon, self._sign * value)
        self._results.end(trial, cause is Cause.DIVERGED)
        self._feasibility.ended(trial)
        self._costs.ended(trial)
        self._learn()

    def _learn(self) -> None:
        """Refit the model's scales after every few new trials (later, every few percent)."""
        if len(self._results) < self._next_fit or not self._space.parameters:
            return
        chosen = self._results.chosen()
        scores = normal_scores(expected(chosen, len(self._levels)))
        seen, steps = self._seen(chosen, scores), 15 if self._next_fit == START else 8
        self._scales.fit(seen, steps)
        if self._earlier is not None:
            self._earlier.scales.fit(self._earlier.trust(seen.x, seen.y).rest(seen), steps)
        self._next_fit = max(len(self._results) + 2, math.ceil(1.08 * len(self._results)))

    def _seen(self, chosen: Sequence[PartialResult], scores: Array) -> Observations:
        """Return trials as observations; the shorter a training, the noisier."""
        x = self._features(chosen)
        epochs = [self._horizon if s.diverged else max(1, s.epoch) for s in chosen]
        short = np.log(self._horizon / np.array(epochs)) / math.log(max(2, self._horizon))
        return Observations(x, scores, 1 + 2 * short)

    def _features(self, results: Sequence[PartialResult]) -> Array:
        return self._encoding.features(self._rows(results))

    def _rows(self, results: Sequence[PartialResult]) -> Array:
        return np.array([result.row for result in results]).reshape(-1, self._encoding.width)

    def _model(
        self, seen: Observations, waiting: Sequence[PartialResult], earlier: Trust | None
    ) -> Process | Lifted:
        """Return the model of scores: from the search's own trials, and from earlier searches if trusted."""
        if self._earlier is None or earlier is None:
            return self._process(self._scales, seen, waiting)
        return earlier.lifted(self._process(self._earlier.scales, earlier.rest(seen), waiting))

    def _process(self, scales: Scales, seen: Observations, waiting: Sequence[PartialResult]) -> Process:
        """Return the process, with running trials without results set to what it predicts for them."""
        process = Process(scales, seen)
        if not waiting:
            return process
        x = self._features(waiting)
        guess, _ = process.predict(x)
        noise = np.concatenate([seen.noise, np.ones(len(guess))])
        both = Observations(np.concatenate([seen.x, x]), np.concatenate([seen.y, guess]), noise)
        return Process(scales, both)

    def _ranked(self, rng: np.random.Generator, rows: Array, scored: Callable[[Array], Array]) -> Array:
        """Return the candidates and neighbours of the best of them, best score first."""
        score = scored(rows)
        for width in WIDTHS:
            near = np.repeat(rows[np.argsort(-score, kind="stable")[:5]], 10, axis=0)
            moved = rng.random(near.shape) < 0.5
            near = np.clip(near + moved * width * rng.standard_normal(near.shape), 0, 1)
            rows, score = np.concatenate([rows, near]), np.concatenate([score, scored(near)])
        return np.asarray(rows[np.argsort(-score, kind="stable")])

    def _first_allowed(self, rows: Array, tried: Sequence[PartialResult]) -> Point | None:
        """Return the first allowed point that is not close to a tried one.

        If there is none, the first allowed one that was not tried; if there is none either, the first one.
        """
        known, close = self._features(tried), self._close(len(tried))
        nearer: dict[bool, Point] = {}
        for row, features in zip(rows, self._encoding.features(rows), strict=True):
            apart = float(np.abs(known - features).max(1).min()) if tried else math.inf
            repeated = apart < SAME
            if apart <= close and repeated in nearer:
                continue
            point = self._encoding.point(row)
            if self._space.forbidden(point):
                continue
            if apart > close:
                return point
            nearer[repeated] = point
        return nearer.get(False) or nearer.get(True)

    def _close(self, tried: int) -> float:
        """Return up to which distance, as a share of each range, a point nearly repeats a tried one."""
        dimensions = max(self._encoding.width, 1)
        return min(CLOSE, SPACING * float(max(tried, 1) ** (-1 / dimensions)))
