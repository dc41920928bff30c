"""Runs a search's trainings as Ray Tune trials.

Tune's controller is driven directly, step by step: it starts, reuses and stops actors and passes on
their results, while the conductor makes every decision. Tune's experiment snapshots are disabled,
because the ledger is the record; nothing is pickled to disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray import tune
from ray.air.execution import FixedResourceManager, PlacementGroupResourceManager
from ray.train._internal.storage import StorageContext
from ray.tune.error import TuneError
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.registry import register_trainable
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import SearchAlgorithm

from hpo.core.errors import DiskFull, HpoError
from hpo.core.history import Key
from hpo.core.ports import TrainingTask
from hpo.running import checkpoints
from hpo.running.conductor import Conductor
from hpo.running.environment import TrainingEnvironment
from hpo.running.ray_actor import NAME, TrainingActor
from hpo.running.ray_session import RaySession
from hpo.running.training_context import Message


class TrialQueue(SearchAlgorithm):
    """Gives the conductor's tasks to Tune as trials, never more than there are workers."""

    def __init__(self, conductor: Conductor, workers: int, make_trial: Callable[[TrainingTask, int], Trial]):
        self._conductor = conductor
        self._workers = workers
        self._make_trial = make_trial
        self._given = 0
        self.keys: dict[str, Key] = {}
        self.death_messages: dict[str, str] = {}

    def next_trial(self) -> Trial | None:
        """Return the next task as a trial, if a worker is free for it."""
        if self._conductor.open >= self._workers:
            return None
        task = self._conductor.next()
        if task is None:
            return None
        self._given += 1
        trial = self._make_trial(task, self._given)
        self.keys[trial.trial_id] = task.key
        return trial

    def is_finished(self) -> bool:
        """Whether the conductor has nothing left to train."""
        return self._conductor.done

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Handle the end of a Tune trial, which has an error if its worker died."""
        key = self.keys.pop(trial_id)
        if error:
            self._conductor.lost(
                key, self.death_messages.pop(trial_id, "its process ended without a message")
            )


class LedgerScheduler(FIFOScheduler):
    """Passes the workers' messages to the conductor, and its verdicts to Tune."""

    def __init__(self, conductor: Conductor, queue: TrialQueue, folder: Path):
        super().__init__()
        self._checkpoints = folder
        self._conductor = conductor
        self._queue = queue
        self.unusable: set[str] = set()

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Record a message and return whether its training continues."""
        message: Message = result["message"]
        key = self._queue.keys[trial.trial_id]
        for warning in message.warnings:
            self._conductor.warn(f"trial {key[0]}: {warning}")
        goes_on = True
        if message.reports or message.checkpoint or message.weights[0]:
            goes_on = self._conductor.reported(
                key, message.reports, message.checkpoint, message.weights, message.scores, message.examples
            )
        if message.full:
            raise DiskFull(message.full, self._checkpoints.parent)
        if goes_on and message.failure:
            self._conductor.failed(key, *message.failure)
            goes_on = False
        if message.lost_worker:
            self.unusable.add(trial.trial_id)
        if not goes_on:
            checkpoints.discard(self._checkpoints, key)
        return str(TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP)

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """Return nothing; Tune's own choice scans all trials, including ended ones."""
        return None


class Controller(TuneController):
    """Tune's controller without snapshots, whose starting workers keep their first trial."""

    _trials: list[Trial]

    def keep_workers(self, resources: Any, number: int) -> None:
        """Keep up to a number of idle processes; by default Tune keeps only one."""
        self._actor_cache.increase_max(resources, by=number)

    def checkpoint(self, force: bool = False, wait: bool = False) -> None:
        """Write nothing, because the ledger is the record."""

    def _maybe_reuse_cached_actor(self, trial: Trial) -> bool:
        # A trial whose own worker is starting waits for it: giving it to a free worker would kill the
        # starting one, and short trials would never get a second worker.
        if trial in self._trial_to_actor and trial not in self._resetting_trials:
            return False
        return bool(super()._maybe_reuse_cached_actor(trial))

    def _maybe_cache_trial_actor(self, trial: Trial) -> bool:
        if trial.trial_id in self._scheduler_alg.unusable:
            return False  # its training hangs, so the process must end
        return bool(super()._maybe_cache_trial_actor(trial))

    def _process_trial_failure(self, trial: Trial, exception: Exception) -> None:
        self._search_alg.death_messages[trial.trial_id] = failure_message(exception)
        super()._process_trial_failure(trial, exception)

    def forget_ended(self) -> None:
        """Forget trials that have ended, so that memory does not grow with their number."""
        if len(self._trials) > 2 * len(self._live_trials) + 64:
            self._trials = [trial for trial in self._trials if not trial.is_finished()]
            self._stopped_trials.clear()
            self._failed_trials.clear()
            self._trials_to_cache.clear()


def failure_message(error: Exception) -> str:
    """Return the end of Ray's message on a dead process, which contains the reason."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return " ".join(lines[-3:])[-500:] or type(error).__name__


class RayRunner:
    """Trains tasks with Ray Tune; Ray must be running.

    Args:
        environment: What all trainings have in common.
        workers: Number of tasks trained at once.
        cpus: CPUs per training; fractions are allowed.
        gpus: GPUs per training; fractions are allowed.
        session: The running Ray.
        on_turn: Called before the loop and once in every turn of it.
    """

    def __init__(
        self,
        environment: TrainingEnvironment,
        workers: int,
        cpus: float,
        gpus: float,
        session: RaySession,
        on_turn: Callable[[], None] = lambda: None,
    ):
        self._environment = environment
        self._workers = workers
        self._resources = tune.PlacementGroupFactory([{"CPU": cpus, **({"GPU": gpus} if gpus else {})}])
        self._storage = StorageContext(storage_path=str(session.folder), experiment_dir_name="tune")
        self._single_node = session.nodes == 1
        self._on_turn = on_turn

    def run(self, conductor: Conductor) -> None:
        """Train until the conductor is done or asked to stop."""
        register_trainable(NAME, TrainingActor)
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(self._workers)  # by default one at a time
        queue = TrialQueue(conductor, self._workers, self._trial)
        scheduler = LedgerScheduler(conductor, queue, self._environment.folder.checkpoints)
        controller = Controller(
            search_alg=queue,
            scheduler=scheduler,
            storage=self._storage,
            reuse_actors=True,
            resource_manager_factory=self._resource_manager,
        )
        controller.keep_workers(self._resources, self._workers)
        try:
            self._on_turn()
            while not conductor.stopping and not controller.is_finished():
                controller.step()
                controller.forget_ended()
                self._on_turn()
        except TuneError as error:
            if isinstance(error.__context__, HpoError):
                raise error.__context__ from None  # Tune wraps what its callbacks raise
            raise
        finally:
            controller.cleanup()

    def _resource_manager(self) -> Any:
        return FixedResourceManager() if self._single_node else PlacementGroupResourceManager()

    def _trial(self, task: TrainingTask, number: int) -> Trial:
        return Trial(
            NAME,
            config={"environment": self._environment, "task": task},
            trial_id=f"{number}-{task.trial}-{task.replicate}",
            storage=self._storage,
            placement_group_factory=self._resources,
            trial_dirname_creator=lambda _: "trial",
        )
