"""Ray Tune's OptunaSearch with its ASHAScheduler: their own classes, called in the order of Ray's controller.

That is `TuneController._process_trial_result` and `stop_trial`: the scheduler decides first, the
searcher hears of a report only if the trial goes on, and a trial that was stopped is told as complete
with its last value. A diverged trial is one whose training raised an error: a plain loop would report
NaN, which passes every rung of Ray's and would cost it full trainings.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from benchmarks.comparison import FACTOR
from benchmarks.curve_tasks import Task
from benchmarks.peers.foreign import Job, described, release
from benchmarks.peers.optuna_pruners import tpe


class RayOptunaPeer:
    """One experiment of Ray's, without its actors."""

    def __init__(self, task: Task, first: int, seed: int):
        import optuna
        from ray.tune.schedulers import ASHAScheduler
        from ray.tune.search.optuna import OptunaSearch

        from hpo.sampling.distributions import distribution

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        space = {p.name: distribution(p.domain) for p in task.space.parameters}
        self._searcher = OptunaSearch(space, metric="loss", mode="min", seed=seed)
        self._scheduler = ASHAScheduler(
            time_attr="training_iteration",
            metric="loss",
            mode="min",
            max_t=task.horizon,
            grace_period=first,
            reduction_factor=FACTOR,
        )
        self._horizon = task.horizon
        self._trials: list[Any] = []
        self._results: dict[int, dict[str, Any]] = {}
        self.settings = self._settings()

    def _settings(self) -> str:
        rungs = [milestone for milestone, _ in reversed(self._scheduler._brackets[0]._rungs)]
        sampler, scheduler = self._searcher._ot_study.sampler, self._scheduler
        return (
            f"{release('ray')} and {release('optuna')}: OptunaSearch over {tpe(sampler)}, "
            f"{described(scheduler, '_max_t', '_reduction_factor', '_stop_last_trials')} with rungs {rungs}"
        )

    def ask(self) -> Job:
        trial = SimpleNamespace(trial_id=str(len(self._trials)))
        self._trials.append(trial)
        point = self._searcher.suggest(trial.trial_id)
        self._scheduler.on_trial_add(None, trial)
        return Job(len(self._trials) - 1, point, self._horizon)

    def report(self, trial: int, epoch: int, value: float) -> bool:
        result = {"loss": value, "training_iteration": epoch}
        self._results[trial] = result
        if self._scheduler.on_trial_result(None, self._trials[trial], result) == "STOP":
            return False
        self._searcher.on_trial_result(self._trials[trial].trial_id, result)
        return True

    def tell(self, trial: int, end: str, value: float) -> None:
        told, result = self._trials[trial], self._results.pop(trial, None)
        if end == "failed":
            self._scheduler.on_trial_error(None, told)
            self._searcher.on_trial_complete(told.trial_id, error=True)
        else:
            self._scheduler.on_trial_complete(None, told, result)
            self._searcher.on_trial_complete(told.trial_id, result=result)
