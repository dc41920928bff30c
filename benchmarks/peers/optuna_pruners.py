"""Optuna as in its manual: TPE and one of its pruners. A stopped trial is reported as pruned, a diverged one
as failed.
"""

from __future__ import annotations

from typing import Any

from benchmarks.comparison import FACTOR
from benchmarks.curve_tasks import Task
from benchmarks.peers.foreign import Job, described, release


class OptunaPeer:
    """A study with the pruner ``hyperband`` or ``halving``."""

    def __init__(self, task: Task, first: int, seed: int, pruner: str):
        import optuna

        from hpo.sampling.distributions import distribution

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._states = optuna.trial.TrialState
        pruners = {
            "hyperband": lambda: optuna.pruners.HyperbandPruner(first, task.horizon, FACTOR),
            "halving": lambda: optuna.pruners.SuccessiveHalvingPruner(first, FACTOR),
        }
        sampler = optuna.samplers.TPESampler(seed=seed)
        self._study = optuna.create_study(sampler=sampler, pruner=pruners[pruner]())
        self._distributions = {p.name: distribution(p.domain) for p in task.space.parameters}
        self._trials: dict[int, Any] = {}
        self._horizon = task.horizon
        self.settings = f"{release('optuna')}: {tpe(sampler)}, {_pruner(self._study.pruner)}"

    def ask(self) -> Job:
        trial = self._study.ask(self._distributions)
        self._trials[trial.number] = trial
        return Job(trial.number, trial.params, self._horizon)

    def report(self, trial: int, epoch: int, value: float) -> bool:
        self._trials[trial].report(value, epoch)
        return not self._trials[trial].should_prune()

    def tell(self, trial: int, end: str, value: float) -> None:
        trial_record = self._trials.pop(trial)
        if end == "finished":
            self._study.tell(trial_record, value)
        else:
            state = self._states.PRUNED if end == "stopped" else self._states.FAIL
            self._study.tell(trial_record, state=state)


def tpe(sampler: Any) -> str:
    """The settings of a TPE sampler."""
    kernel = f"multivariate={sampler._parzen_estimator_parameters.multivariate}"
    names = ("_n_startup_trials", "_n_ei_candidates", "_constant_liar", "_group")
    return described(sampler, *names)[:-1] + f", {kernel})"


def _pruner(pruner: Any) -> str:
    names = ("_min_resource", "_max_resource", "_reduction_factor", "_min_early_stopping_rate")
    return described(pruner, *(name for name in names if hasattr(pruner, name)))
