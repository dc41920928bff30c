"""DEHB through its ask-and-tell interface.

A configuration that it promotes continues from its last epoch, which DEHB itself leaves to the
training code. It receives the value of the last epoch requested. Its manual does not mention failures,
and it reads an infinite fitness as not evaluated, so a diverged trial gets the worst value so far.
"""

from __future__ import annotations

from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.comparison import FACTOR
from benchmarks.curve_tasks import Task
from benchmarks.peers.config_space import config_space
from benchmarks.peers.foreign import Job, Worst, described, plain, release


class DehbPeer:
    """One run; a free worker asks at any time, so no Dask client is needed."""

    def __init__(self, task: Task, first: int, seed: int):
        from dehb import DEHB

        self._folder = TemporaryDirectory()
        self._space, self._worst = task.space, Worst()
        self._dehb = DEHB(
            cs=config_space(task.space, seed),
            min_fidelity=first,
            max_fidelity=task.horizon,
            eta=FACTOR,
            seed=seed,
            n_workers=1,
            save_freq="end",
            log_level="ERROR",
            output_path=self._folder.name,
        )
        self._jobs: dict[int, Any] = {}
        self._again = 0
        shown = ("mutation_factor", "crossover_prob", "strategy", "eta", "min_fidelity", "max_fidelity")
        epochs = [round(fidelity) for fidelity in self._dehb.fidelities]
        self.settings = f"{release('dehb')}: {described(self._dehb, *shown)}, which trains to epochs {epochs}"

    def ask(self) -> Job:
        job = self._dehb.ask()
        trial = int(job["config_id"])
        if (
            trial in self._jobs
        ):  # short of others to promote, it asks for one that is being trained: from scratch
            self._again += 1
            trial = -self._again
        self._jobs[trial] = job
        return Job(trial, plain(self._space, job["config"]), round(job["fidelity"]))

    def report(self, trial: int, epoch: int, value: float) -> bool:
        self._worst.instead_of(value)
        return True

    def tell(self, trial: int, end: str, value: float) -> None:
        job = self._jobs.pop(trial)
        self._dehb.tell(job, {"fitness": self._worst.instead_of(value), "cost": float(job["fidelity"])})
