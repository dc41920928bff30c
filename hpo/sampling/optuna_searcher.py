"""Optuna's samplers behind our own ask, report and tell.

The study lives in memory and is rebuilt from the ledger; each ask has a sampler of its own, seeded
from (search seed, trial number), so that the same history gives the same proposal. A trial that
was stopped early is told as pruned, with what it reported, and a diverged one as the worst of all:
told as complete or as failed, the model would believe noise or forget the cliff.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Any

import optuna
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, TPESampler
from optuna.trial import Trial, TrialState, create_trial

from hpo.core import seeds
from hpo.core.events import Cause, End
from hpo.core.objective import Mode
from hpo.core.space import Point, Space
from hpo.sampling.distributions import parameters, suggest

SAMPLERS: Mapping[str, Callable[..., BaseSampler]] = {
    "tpe": TPESampler,
    "gp": GPSampler,
    "cmaes": CmaEsSampler,
}
"""Samplers that learn, by the name a spec gives them. Each takes ``seed`` and its own options."""

ATTEMPTS = 100
"""Suggestions to try before a forbidden region is left to the prior."""


class OptunaSearcher:
    """Asks one of Optuna's samplers.

    Args:
        space: Where to search.
        mode: Direction of the values reported.
        seed: The search's seed.
        sampler: A name in `SAMPLERS`.
        options: The sampler's own options, in Optuna's words.
    """

    def __init__(
        self,
        space: Space,
        mode: Mode,
        seed: int,
        sampler: str = "tpe",
        options: Mapping[str, Any] | None = None,
    ):
        self._space = space
        self._seed = seed
        self._build = SAMPLERS[sampler]
        self._options = dict(options or {})
        self._replays_asks = sampler == "cmaes"  # its generations live in the trials it asked for
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._study = optuna.create_study(direction="maximize" if mode == "max" else "minimize")
        self._trials: dict[int, Trial] = {}

    def ask(self, trial: int) -> Point:
        """Propose the point of a trial."""
        seed = seeds.derive(self._seed, "ask", trial)
        self._study.sampler = self._build(seed=seed % 2**32, **self._options)
        for _ in range(ATTEMPTS):
            asked = self._study.ask()
            point = suggest(self._space, asked)
            if not self._space.forbidden(point):
                self._trials[trial] = asked
                return point
            self._study.tell(asked, state=TrialState.FAIL)
        return self._space.sample(Random(seed))

    def started(self, trial: int, point: Point) -> None:
        """A trial runs at this point; one that was not asked here is added to the study."""
        if trial not in self._trials and self._replays_asks and self.ask(trial) == point:
            return
        asked = self._trials.get(trial)
        values, distributions = parameters(self._space, point)
        if asked is not None and asked.params == values:
            return
        if asked is not None:
            self._study.tell(asked, state=TrialState.FAIL)
        running = create_trial(state=TrialState.RUNNING, params=values, distributions=distributions)
        self._study.add_trial(running)
        added = self._study.get_trials(deepcopy=False)[-1]
        self._trials[trial] = Trial(self._study, added._trial_id)

    def report(self, trial: int, epoch: int, value: float) -> None:
        """A running trial counts by this value after that epoch."""
        self._trials[trial].report(value, epoch)

    def tell(self, trial: int, end: End, value: float, cause: Cause | None = None) -> None:
        """A trial is over."""
        told = self._trials.pop(trial)
        if end is End.FINISHED:
            self._study.tell(told, value)
        elif end is End.FAILED:
            self._study.tell(told, state=TrialState.FAIL)
        else:
            self._study.tell(told, state=TrialState.PRUNED)
        if cause is Cause.DIVERGED:
            self._add_worst(told)

    def _add_worst(self, diverged: Trial) -> None:
        """Pruned before any report is what TPE ranks last; it passes over failed trials."""
        params, distributions = diverged.params, diverged.distributions
        worst = create_trial(state=TrialState.PRUNED, params=params, distributions=distributions)
        self._study.add_trial(worst)
