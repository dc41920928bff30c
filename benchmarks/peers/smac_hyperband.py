"""SMAC3's facades with Hyperband, through their ask-and-tell interface.

A promoted configuration continues from its last epoch. SMAC receives the value of the last epoch
requested. A diverged trial is reported as crashed. The cost of a crash (``crash_cost``) is infinite by
default, which its model cannot use; here it is the worst value so far.
"""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.comparison import FACTOR
from benchmarks.curve_tasks import Task
from benchmarks.peers.config_space import config_space
from benchmarks.peers.foreign import Job, Worst, described, plain, release


class SmacPeer:
    """``MultiFidelityFacade`` (a model, and Hyperband) or ``HyperbandFacade`` (Hyperband alone)."""

    def __init__(self, task: Task, first: int, seed: int, most: int, facade: str):
        import smac
        from smac.intensifier.hyperband_utils import get_n_trials_for_hyperband_multifidelity as trials_of
        from smac.runhistory.enumerations import StatusType

        kind, self._folder = getattr(smac, facade), TemporaryDirectory()
        planned = most / 2  # the budget that is compared: a search is given up at twice that budget
        scenario = smac.Scenario(
            config_space(task.space, seed),
            deterministic=True,
            min_budget=first,
            max_budget=task.horizon,
            n_trials=trials_of(planned, first, task.horizon, FACTOR, print_summary=False),
            seed=seed,
            output_directory=self._folder.name,
        )
        intensifier = kind.get_intensifier(scenario, eta=FACTOR)
        self._smac = kind(scenario, intensifier=intensifier, logging_level=False, overwrite=True)
        self._status, self._space, self._worst = StatusType, task.space, Worst()
        self._jobs: dict[int, Any] = {}
        self.settings = (
            f"{release('smac')}: {facade}, {described(scenario, 'n_trials', 'min_budget', 'max_budget')}, "
            f"{described(intensifier, '_eta', '_incumbent_selection')}, {type(self._smac._model).__name__}"
        )

    def ask(self) -> Job:
        import joblib

        with joblib.parallel_config("sequential"):  # threads for ten small trees cost more than they save
            job = self._smac.ask()
        trial = int(self._smac.runhistory.get_config_id(job.config))
        self._jobs[trial] = job
        return Job(trial, plain(self._space, dict(job.config)), round(job.budget))

    def report(self, trial: int, epoch: int, value: float) -> bool:
        self._worst.instead_of(value)
        return True

    def tell(self, trial: int, end: str, value: float) -> None:
        from smac.runhistory.dataclasses import TrialValue

        status = self._status.CRASHED if end == "failed" else self._status.SUCCESS
        outcome = TrialValue(cost=self._worst.instead_of(value), status=status)
        self._smac.tell(self._jobs.pop(trial), outcome, save=False)
