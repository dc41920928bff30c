"""Optuna's samplers behind the searcher interface: ask, report, tell.

The study is kept in memory and is rebuilt from the ledger; each ask creates a sampler seeded from
(search seed, trial number), so that the same history gives the same proposal. A trial that was
stopped early is told as pruned, with its reports, and a diverged one as the worst of all: told as
complete, its noise would mislead the model; told as failed, the model would not learn to avoid the
region.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from random import Random

import optuna
from optuna.samplers import BaseSampler, CmaEsSampler, GPSampler, TPESampler
from optuna.trial import Trial, TrialState, create_trial

from hpo.core import seeds
from hpo.core.events import Cause, End
from hpo.core.json_values import SpecFields
from hpo.core.objective import Mode
from hpo.core.proposals import STARTUP, Reason
from hpo.core.space import Point, Space
from hpo.sampling.distributions import parameters, proposed, suggest

SAMPLERS: Mapping[str, Callable[..., BaseSampler]] = {
    "tpe": TPESampler,
    "gp": GPSampler,
    "cmaes": CmaEsSampler,
}
"""Adaptive samplers by their name in a spec. Each takes ``seed`` and its own options."""

LEARNS_FROM: Mapping[str, tuple[TrialState, ...]] = {
    "tpe": (TrialState.COMPLETE, TrialState.PRUNED),
    "gp": (TrialState.COMPLETE,),
    "cmaes": (TrialState.COMPLETE,),
}
"""The trials that a sampler learns from, by its name."""

ATTEMPTS = 100
"""Suggestions to try before a point is drawn from the prior instead."""


class OptunaSearcher:
    """Asks one of Optuna's samplers.

    Args:
        space: Space to search.
        mode: Direction of the reported values.
        seed: The search's seed.
        sampler: A name in `SAMPLERS`.
        options: The sampler's options, by Optuna's names.

    Attributes:
        reason: Why it proposed the last point: at ``random`` for lack of results, or by its ``model``.
    """

    def __init__(
        self,
        space: Space,
        mode: Mode,
        seed: int,
        sampler: str = "tpe",
        options: SpecFields | None = None,
    ):
        self._space = space
        self._seed = seed
        self._build = SAMPLERS[sampler]
        self._options = dict(options or {})
        self.reason: Reason = "random"
        self._startup = self._options.get("n_startup_trials", STARTUP[sampler])
        self._learns_from = LEARNS_FROM[sampler]
        self._replays_asks = sampler == "cmaes"  # it keeps its generations in the trials that it proposed
        self._prunes_paused = sampler == "tpe"
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._study = optuna.create_study(direction="maximize" if mode == "max" else "minimize")
        self._trials: dict[int, Trial] = {}
        self._excesses: dict[int, Mapping[str, float]] = {}

    def ask(self, trial: int) -> Point:
        """Propose the point of a trial."""
        seed = seeds.derive(self._seed, "ask", trial)
        known = self._study.get_trials(deepcopy=False, states=self._learns_from)
        self.reason = "random" if len(known) < self._startup else "model"
        self._study.sampler = self._build(seed=seed % 2**32, **self._options)
        for _ in range(ATTEMPTS):
            proposal = self._study.ask()
            point = suggest(self._space, proposal)
            if not self._space.forbidden(point):
                self._trials[trial] = proposal
                return point
            self._study.tell(proposal, state=TrialState.FAIL)
        self.reason = "random"
        return self._space.sample(Random(seed))

    def started(self, trial: int, point: Point) -> None:
        """Note that a trial runs at this point; one that was not proposed here is added to the study."""
        if trial not in self._trials and self._replays_asks and self.ask(trial) == point:
            return
        proposal = self._trials.get(trial)
        if proposal is not None and proposed(self._space, proposal, point):
            return
        if proposal is not None:
            self._study.tell(proposal, state=TrialState.FAIL)
        self._add_running(trial, point)

    def _add_running(self, trial: int, point: Point) -> None:
        """Add a running trial at a point to the study."""
        values, distributions = parameters(self._space, point)
        running = create_trial(state=TrialState.RUNNING, params=dict(values), distributions=distributions)
        self._study.add_trial(running)
        added = self._study.get_trials(deepcopy=False)[-1]
        self._trials[trial] = Trial(self._study, added._trial_id)

    def report(self, trial: int, epoch: int, value: float) -> None:
        """Report the value of a running trial after an epoch."""
        self._trials[trial].report(value, epoch)

    def timed(self, trial: int, seconds: float) -> None:
        """Ignore how long an epoch took."""

    def limited(self, trial: int, excesses: Mapping[str, float]) -> None:
        """Note by how much a trial violates the constraints; the study is told when the trial ends."""
        self._excesses[trial] = excesses

    def paused(self, trial: int) -> None:
        """Tell TPE that a trial is pruned: it would count a running one as bad, however good it is.

        Other samplers learn from complete trials only, and for them the trial keeps running.
        """
        if self._prunes_paused:
            self._constrain(trial)
            self._study.tell(self._trials.pop(trial), state=TrialState.PRUNED)

    def _constrain(self, trial: int) -> None:
        """Tell the study by how much a trial violates the constraints; it takes each of them only once."""
        for metric, excess in self._excesses.pop(trial, {}).items():
            self._trials[trial].set_constraint(metric, excess)

    def taken_up(self, trial: int, point: Point) -> None:
        """Let a paused trial run again; the study gets another trial at its point."""
        if self._prunes_paused:
            self._add_running(trial, point)

    def tell(self, trial: int, end: End, value: float, cause: Cause | None = None) -> None:
        """Tell the study that a trial has ended."""
        if trial not in self._trials:  # it ended while it was paused
            return
        self._constrain(trial)
        ended = self._trials.pop(trial)
        if end is End.FINISHED and not math.isnan(value):
            self._study.tell(ended, value)
        elif end in (End.FINISHED, End.FAILED):
            self._study.tell(ended, state=TrialState.FAIL)
        else:
            self._study.tell(ended, state=TrialState.PRUNED)
        if cause is Cause.DIVERGED:
            self._add_worst(ended)

    def _add_worst(self, diverged: Trial) -> None:
        """Add a trial pruned before any report: TPE ranks those last, whereas it ignores failed ones."""
        params, distributions = diverged.params, diverged.distributions
        worst = create_trial(state=TrialState.PRUNED, params=params, distributions=distributions)
        self._study.add_trial(worst)
