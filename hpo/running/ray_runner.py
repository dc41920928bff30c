"""Runs a search's trainings as Ray Tune trials.

Tune's controller is driven directly, step by step: it starts, reuses and stops actors and passes on
their results, while the conductor makes every decision. Tune's experiment snapshots are disabled,
because the ledger is the record; nothing is pickled to disk.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from ray import tune
from ray.air.execution import FixedResourceManager
from ray.train._internal.storage import StorageContext
from ray.tune.error import TuneError

from hpo.core.errors import ClusterLost, HpoError
from hpo.core.needs import Needs
from hpo.core.ports import TrainingTask
from hpo.running import last_checkpoints
from hpo.running.cluster import watched
from hpo.running.conductor import Conductor
from hpo.running.crew import Crew
from hpo.running.environment import TrainingEnvironment
from hpo.running.last_checkpoints import LastCheckpoints
from hpo.running.loss_causes import node_of_dead_worker
from hpo.running.node_check import with_marker
from hpo.running.node_resources import CheckedNodeResources
from hpo.running.node_supply import Supply
from hpo.running.ray_node_check import ray_checks
from hpo.running.ray_session import RaySession
from hpo.running.stored_checkpoints import StoredCheckpoints
from hpo.running.tune_controller import Controller
from hpo.running.tune_queue import LedgerScheduler, TrialQueue
from hpo.running.tune_trial import TuneTrial
from hpo.running.worker_share import Share, WorkerShare, no_others

MOST = 10_000
"""Workers at once that Tune may request or keep; the queue sets the actual limit."""

IDLE_SECONDS = 5.0
"""Seconds after which an idle worker is given back to a cluster."""

THROUGH_STORE = (
    "a node of the cluster does not see the home: data, code and the checkpoints of trials reach it through "
    "the store"
)
"""What the record says once of such a search."""

PAUSE = 0.05
"""Seconds to sleep in a turn in which there is no worker to wait for."""


class RayRunner:
    """Trains tasks with Ray Tune; Ray must be running.

    Args:
        environment: What all trainings have in common.
        workers: Most tasks trained at once; on a cluster, None for as many as fit.
        needs: What one training needs.
        session: The running Ray.
        on_turn: Called before the loop and once in every turn of it.
        say_waiting: Called with what is waited for; empty if nothing is.
        share: Returns how many workers the search may hold beside others.
    """

    def __init__(
        self,
        environment: TrainingEnvironment,
        workers: int | None,
        needs: Needs,
        session: RaySession,
        on_turn: Callable[[], None] = lambda: None,
        say_waiting: Callable[[str], None] = lambda what: None,
        share: Share = no_others,
    ):
        self._environment = environment
        self._workers = workers
        self._resources = tune.PlacementGroupFactory([needs.bundle])
        self._whole_gpu = tune.PlacementGroupFactory([needs.bundle | ({"GPU": 1} if needs.gpus else {})])
        self._storage = StorageContext(storage_path=str(session.folder), experiment_dir_name="tune")
        self._monitor, self._session = session.monitor, session
        self._share = WorkerShare(share)
        self._crew: Crew | None = None
        self._supply: Supply | None = None
        self._on_turn = on_turn
        self._needs = needs
        self._say_waiting = say_waiting
        self._turned = time.monotonic()

    def run(self, conductor: Conductor) -> None:
        """Train until the conductor is done or asked to stop."""
        if self._monitor is not None:
            self._environment = with_marker(self._environment)
            self._supply = Supply(self._environment)
            self._supply.begun = partial(conductor.warn, THROUGH_STORE)
            checks = ray_checks(self._supply)
            self._crew = Crew(
                self._monitor,
                checks,
                self._needs,
                self._workers,
                self._say_waiting,
                require_code=self._environment.require_code,
            )
        controller, lost = self.controller(conductor), False
        try:
            if self._monitor is None:
                self.drive(controller, conductor)
            else:
                watched(
                    lambda: self.drive(controller, conductor),
                    self._monitor,
                    lambda: time.monotonic() - self._turned,
                )
        except TuneError as error:
            if isinstance(error.__context__, HpoError):
                raise error.__context__ from None  # Tune wraps what its callbacks raise
            raise
        except ClusterLost:
            lost = True
            conductor.stop()  # should the loop wake up after all
            raise
        finally:
            if not lost:  # it would not be answered
                controller.cleanup()
            if self._environment.marker:
                self._environment.marker.unlink(missing_ok=True)

    def limit_to(self, workers: int) -> None:
        """Change the most tasks trained at once; trainings in progress go on until they pause or end."""
        self._workers = workers
        self._use_share()

    def within_share(self, workers: int) -> int:
        """Return how many of a number of workers the search may hold beside others."""
        return self._share.limit(workers) or workers

    def controller(self, conductor: Conductor) -> Controller:
        """Build the controller of a search."""
        os.environ["TUNE_MAX_PENDING_TRIALS_PG"] = str(MOST)  # by default one at a time
        self._queue = queue = TrialQueue(conductor, self._limit, self._trial)
        self._scheduler = LedgerScheduler(conductor, queue, self._environment.folder.checkpoints)
        self._scheduler.discarded = StoredCheckpoints(self._environment.files).discard
        if self._crew:
            self._scheduler.set_aside = partial(self._crew.set_aside, conductor)
            self._scheduler.leaving = self._crew.leaving
            self._scheduler.ended_well = self._crew.training_left
            queue.died = partial(self._crew.worker_died, conductor)
        controller = Controller(
            search_alg=queue,
            scheduler=self._scheduler,
            storage=self._storage,
            reuse_actors=True,
            resource_manager_factory=self._resource_manager,
        )
        controller.keep_workers(self._resources, MOST)
        if self._crew:
            controller.is_fit, controller.idle_seconds = self._crew.is_fit, IDLE_SECONDS
            controller.cause_of_loss, controller.find_node = self._crew.cause_of_loss, node_of_dead_worker
        queue.held_back = lambda: controller.waits_for_whole_gpu
        self._controller = controller
        return controller

    def drive(self, controller: Controller, conductor: Conductor) -> None:
        """Step a controller until the conductor is done or asked to stop."""
        self._on_turn()
        self._turned = time.monotonic()
        while not conductor.stopping and not controller.is_finished():
            if not (controller.training or controller.waiting or controller.idle):
                time.sleep(PAUSE)
            controller.step()
            if controller.waits_for_whole_gpu:
                controller.release_all_idle()
            controller.forget_ended()
            self._scheduler.discard_released()
            self._tend(controller, conductor)
            self._on_turn()
            self._turned = time.monotonic()
        if conductor.stopping:
            self._save(controller, conductor)

    def _save(self, controller: Controller, conductor: Conductor) -> None:
        """Let trainings that are to be stopped end their epoch with a checkpoint, if that is soon."""
        deadline = time.monotonic() + last_checkpoints.SECONDS
        checkpoints = LastCheckpoints(conductor.history.trainings, conductor.running)
        controller.have_saved(controller.training_trials())
        while not checkpoints.complete(conductor.running):
            if time.monotonic() > deadline or controller.is_finished() or not controller.training:
                return
            controller.step()
            self._on_turn()
            self._turned = time.monotonic()

    def _tend(self, controller: Controller, conductor: Conductor) -> None:
        """Follow the cluster's nodes, and recover from standing still."""
        self._keep_to_share(controller, conductor)
        if self._crew is None:
            return
        mark, idle = (self._scheduler.messages, controller.training), controller.idle
        stalled = self._crew.turn(conductor, mark, controller.training, controller.unplaced)
        if stalled and idle:
            controller.release_all_idle()
        self._placements.refresh(always=stalled)

    def _keep_to_share(self, controller: Controller, conductor: Conductor) -> None:
        """Have trainings saved that are to leave their workers: for other searches, or before a node ends."""
        alone = self._share.workers is None
        self._share.update(self._queue, self._workers, self._room)
        self._use_share()
        if not self._crew and not (alone and self._share.workers is None):
            conductor.workers_changed(self._limit(), self._needs.gpus)
        pausing = self._share.give_up(controller, conductor)
        self._scheduler.to_pause = frozenset(trial.trial_id for trial in pausing)
        leaving = controller.trials_on(self._crew.leaving) if self._crew else frozenset()
        controller.have_saved(pausing | leaving)

    def _use_share(self) -> None:
        if self._crew:
            self._crew.most = self._share.limit(self._workers)
            self._crew.shares = self._share.workers is not None

    @property
    def _room(self) -> int:
        """Trainings at once if no other search ran."""
        if self._crew:
            return self._crew.room
        return self._needs.fit_into({"CPU": self._session.cpus, "GPU": self._session.gpus})

    def _limit(self) -> int:
        if self._crew:
            return self._crew.limit(self._controller.training, self._controller.placed)
        return self._share.limit(self._workers) or 1

    def _resource_manager(self) -> Any:
        if self._crew is None:
            return FixedResourceManager()
        self._placements = CheckedNodeResources(self._crew.nodes)
        return self._placements

    def _trial(self, task: TrainingTask, number: int) -> TuneTrial:
        resources = self._whole_gpu if task.whole_gpu else self._resources
        environment = self._supply.environment if self._supply else self._environment
        return TuneTrial(environment, task, number, resources, self._storage)
