"""The sampler made for early stopping: it learns from half-trained trials and begins where practice does.

Some hundreds of candidates are drawn, partly from what is usual for well-known names, partly
evenly. A Gaussian process fitted to what trials are expected to reach scores each by one draw from
its posterior (Thompson, Biometrika 1933; Kandasamy et al., "Parallelised Bayesian Optimisation via
Thompson Sampling", AISTATS 2018), so that workers that ask at the same time get different answers;
then the neighbourhood of the best is searched. What practice says counts beside such a draw, less the more
trials there are (see `hpo.sampling.prior`).

A proposal is a function of what was told and of (search seed, trial number), and asking changes
nothing: the model's scales move only when trials report.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import repeat
from random import Random

import numpy as np

from hpo.core import seeds
from hpo.core.events import Cause, End
from hpo.core.objective import Mode
from hpo.core.space import Point, Space
from hpo.core.warm_start import EarlierTrials
from hpo.sampling.earlier_searches import EarlierSearches, Lifted, Trust
from hpo.sampling.encoding import Array, Encoding
from hpo.sampling.extrapolation import PartialResult, PartialResults, expected, normal_scores
from hpo.sampling.gaussian_process import Observations, Process, Scales
from hpo.sampling.prior import WEIGHT, Prior
from hpo.sampling.usual_values import prior_densities

START = 3
"""Trials that are proposed from practice alone."""
POOL = 400
"""Candidates for each proposal."""
WIDTHS = (0.1, 0.03)
"""Steps of the search around the best candidates, in units of a range."""
DOUBTED = 4
"""One trial in so many is proposed as if there were no earlier searches."""


class AutoSearcher:
    """Thompson sampling from a Gaussian process over trials trained for however long.

    Args:
        space: Where to search.
        mode: Direction of the values reported.
        seed: The search's seed.
        rungs: Epochs at which trials are compared.
        horizon: Epochs of a full training.
        lessons: What earlier searches found out.
        optimizer: Name of the optimizer, where the space has no choice of them.
    """

    def __init__(
        self,
        space: Space,
        mode: Mode,
        seed: int,
        rungs: Sequence[int],
        horizon: int,
        lessons: Sequence[EarlierTrials] = (),
        optimizer: str | None = None,
    ):
        self._space = space
        self._sign = -1.0 if mode == "max" else 1.0
        self._seed = seed
        self._horizon = horizon
        self._levels = (*rungs, horizon)
        self._encoding = Encoding(space)
        self._practice = Prior(self._encoding, prior_densities(space, optimizer))
        self._earlier = EarlierSearches(self._encoding, lessons) if lessons and space.parameters else None
        self._standings = PartialResults(self._levels)
        self._scales = Scales(self._encoding.owner)
        self._next_fit = START
        self._finite = all(math.isfinite(parameter.domain.count()) for parameter in space.parameters)

    def ask(self, trial: int) -> Point:
        """Propose the point of a trial."""
        if not self._space.parameters:
            return {}
        seed = seeds.derive(self._seed, "ask", trial)
        rng = np.random.default_rng(seed)
        chosen = self._standings.chosen()
        scores = normal_scores(expected(chosen, len(self._levels)))
        seen = self._seen(chosen, scores)
        earlier = self._believed(trial, rng, seen)
        if earlier is None and (trial < START or len(chosen) < 3):
            rows = self._practice.draw(rng, POOL)
            return self._first_allowed(rows, []) or self._space.sample(Random(seed))
        prior = self._practice.learned(self._rows(chosen), scores)
        rows = prior.draw(rng, POOL)
        if self._earlier is not None and earlier is not None:
            near = self._earlier.near(rng, round(POOL / 4 * min(1.0, earlier.slope)))
            rows = np.concatenate([rows, near])
        waiting = list(self._standings.pending.values())
        process = self._model(seen, waiting, earlier)

        def scored(candidates: Array) -> Array:
            mean, deviation = process.predict(self._encoding.features(candidates))
            drawn = mean + deviation * rng.standard_normal(len(mean))
            # Earlier searches know more than practice does.
            return drawn if earlier else drawn + WEIGHT / len(chosen) * prior.plausible(candidates)

        ranked = self._ranked(rng, rows, scored)
        return self._first_allowed(ranked, [*chosen, *waiting]) or self._space.sample(Random(seed))

    def _believed(self, trial: int, rng: np.random.Generator, seen: Observations) -> Trust | None:
        """Earlier searches, as often as what they say makes sense in itself.

        Some trials never follow them: without those, nothing would show that they are wrong.
        """
        if self._earlier is None or trial % DOUBTED == 0 or rng.random() >= self._earlier.sense:
            return None
        return self._earlier.trust(seen.x, seen.y)

    def started(self, trial: int, point: Point) -> None:
        """A trial runs at this point, whoever proposed it."""
        self._standings.start(trial, self._encoding.row(point))

    def report(self, trial: int, epoch: int, value: float) -> None:
        """A running trial counts by this value after that epoch."""
        if math.isfinite(value):
            self._standings.report(trial, epoch, self._sign * value)
            self._learn()

    def tell(self, trial: int, end: End, value: float, cause: Cause | None = None) -> None:
        """A trial is over; what a crash left behind counts as far as it came."""
        if end is End.FINISHED and math.isfinite(value):
            self._standings.report(trial, self._horizon, self._sign * value)
        self._standings.end(trial, cause is Cause.DIVERGED)
        self._learn()

    def _learn(self) -> None:
        """Move the model's scales, each time that a few trials, or some percent, have been added."""
        if len(self._standings) < self._next_fit or not self._space.parameters:
            return
        chosen = self._standings.chosen()
        scores = normal_scores(expected(chosen, len(self._levels)))
        seen, steps = self._seen(chosen, scores), 15 if self._next_fit == START else 8
        self._scales.fit(seen, steps)
        if self._earlier is not None:
            self._earlier.scales.fit(self._earlier.trust(seen.x, seen.y).rest(seen), steps)
        self._next_fit = max(len(self._standings) + 2, math.ceil(1.08 * len(self._standings)))

    def _seen(self, chosen: Sequence[PartialResult], scores: Array) -> Observations:
        """Trials as observations; the shorter a training, the noisier."""
        x = self._features(chosen)
        epochs = [self._horizon if s.diverged else max(1, s.epoch) for s in chosen]
        short = np.log(self._horizon / np.array(epochs)) / math.log(max(2, self._horizon))
        return Observations(x, scores, 1 + 2 * short)

    def _features(self, standings: Sequence[PartialResult]) -> Array:
        return self._encoding.features(self._rows(standings))

    def _rows(self, standings: Sequence[PartialResult]) -> Array:
        return np.array([standing.row for standing in standings]).reshape(-1, self._encoding.width)

    def _model(
        self, seen: Observations, waiting: Sequence[PartialResult], earlier: Trust | None
    ) -> Process | Lifted:
        """What foretells scores: from the search's own trials, and from earlier searches if believed."""
        if self._earlier is None or earlier is None:
            return self._process(self._scales, seen, waiting)
        return earlier.lifted(self._process(self._earlier.scales, earlier.rest(seen), waiting))

    def _process(self, scales: Scales, seen: Observations, waiting: Sequence[PartialResult]) -> Process:
        """The process, with trials that have shown nothing yet at what it predicts for them."""
        process = Process(scales, seen)
        if not waiting:
            return process
        x = self._features(waiting)
        guess, _ = process.predict(x)
        noise = np.concatenate([seen.noise, np.ones(len(guess))])
        both = Observations(np.concatenate([seen.x, x]), np.concatenate([seen.y, guess]), noise)
        return Process(scales, both)

    def _ranked(self, rng: np.random.Generator, rows: Array, scored: Callable[[Array], Array]) -> Array:
        """Candidates and neighbours of the best of them, by their scores, the best first."""
        score = scored(rows)
        for width in WIDTHS:
            near = np.repeat(rows[np.argsort(-score, kind="stable")[:5]], 10, axis=0)
            moved = rng.random(near.shape) < 0.5
            near = np.clip(near + moved * width * rng.standard_normal(near.shape), 0, 1)
            rows, score = np.concatenate([rows, near]), np.concatenate([score, scored(near)])
        return np.asarray(rows[np.argsort(-score, kind="stable")])

    def _first_allowed(self, rows: Array, known: Sequence[PartialResult]) -> Point | None:
        """The first row's point that is allowed, and not known if any other is left."""
        taken = set(self._keys(np.array([s.row for s in known])) if known and self._finite else ())
        repeated = None
        for row, key in zip(rows, self._keys(rows) if taken else repeat(b""), strict=False):
            if key in taken and repeated is not None:
                continue
            point = self._encoding.point(row)
            if self._space.forbidden(point):
                continue
            if key not in taken:
                return point
            repeated = point
        return repeated

    def _keys(self, rows: Array) -> list[bytes]:
        """What is equal for rows of the same point."""
        return [features.tobytes() for features in self._encoding.features(rows).round(9)]
