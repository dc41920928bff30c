"""Syne Tune's multi-fidelity methods: its own schedulers, called in the order of its Tuner.

That is `Tuner._update_running_trials`: every result goes to the scheduler, which stops trials and, at
the last epoch, ends them. A diverged trial is one whose script failed: `on_trial_error`. (Its Tuner
gives up after one failure unless ``max_failures`` says otherwise, as it would have to here.)

One setting is not its default: BOHB's fewest points for a model are one more than there are
hyperparameters, as in BOHB's paper (Falkner et al., ICML 2018). By default they are as many as
hyperparameters, which its own check refuses: it would draw at random for the first 50 to 60 trials.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from benchmarks.comparison import FACTOR
from benchmarks.curve_tasks import Task
from benchmarks.peers.foreign import Job, described, plain, release
from hpo.core.space import Choice, Integer


class SyneTunePeer:
    """``ASHA``, ``BOHB``, ``ASHABORE`` or ``ASHACQR`` of its ``baselines``."""

    def __init__(self, task: Task, first: int, seed: int, method: str):
        import numpy as np
        from syne_tune.optimizer import baselines

        logging.getLogger("syne_tune").setLevel(logging.ERROR)
        np.random.seed(seed)  # some of its searchers draw from the generator that all share
        self._space, self._horizon = task.space, task.horizon
        self._scheduler = getattr(baselines, method)(
            {p.name: _domain(p.domain) for p in task.space.parameters},
            metric="loss",
            time_attr="epoch",
            max_t=task.horizon,
            grace_period=first,
            reduction_factor=FACTOR,
            random_seed=seed,
            **({"num_min_data_points": len(task.space.parameters) + 1} if method == "BOHB" else {}),
        )
        if method == "ASHABORE":
            from benchmarks.peers.syne_tune_bore import BatchedBore

            self._scheduler.searcher.searcher_cls = BatchedBore
        self._trials: list[Any] = []
        self.settings = self._settings()

    def _settings(self) -> str:
        scheduler, searcher = self._scheduler, self._scheduler.searcher
        rungs = [milestone for milestone, _ in reversed(scheduler.brackets[0].rungs)]
        shown = ("num_init_random_draws", "update_frequency", "searcher_kwargs")
        return (
            f"{release('syne-tune')}: {described(scheduler, 'max_t', 'reduction_factor')}, rungs {rungs}, "
            f"{described(searcher, *shown)} over {searcher.searcher_cls.__name__}"
        )

    def ask(self) -> Job:
        from syne_tune.backend.trial_status import Trial

        config = self._scheduler.suggest().config
        trial = Trial(len(self._trials), config, datetime(2000, 1, 1))
        self._trials.append(trial)
        self._scheduler.on_trial_add(trial)
        return Job(trial.trial_id, plain(self._space, config), self._horizon)

    def report(self, trial: int, epoch: int, value: float) -> bool:
        told = self._trials[trial]
        if self._scheduler.on_trial_result(told, {"loss": value, "epoch": epoch}) == "CONTINUE":
            return True
        self._scheduler.on_trial_remove(told)
        return False

    def tell(self, trial: int, end: str, value: float) -> None:
        if end == "failed":
            self._scheduler.on_trial_error(self._trials[trial])


def _domain(domain: Any) -> Any:
    from syne_tune import config_space

    if isinstance(domain, Choice):
        return config_space.choice(list(domain.values))
    if isinstance(domain, Integer):
        return (config_space.lograndint if domain.log else config_space.randint)(domain.low, domain.high)
    return (config_space.loguniform if domain.log else config_space.uniform)(domain.low, domain.high)
