"""Tune's controller, changed so that a search never stands still while a worker is idle.

A trial that waits for resources takes the next worker that becomes free, though one was requested for it;
idle workers that nothing waits for are given back; and nothing in the loop blocks or asks the cluster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from ray.air.execution._internal.tracked_actor import TrackedActor
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial

from hpo.core.events import LossCause
from hpo.core.training_state import Key
from hpo.running.loss_causes import failure_message, loss_cause

RESOURCE_WAIT = 1.0
"""Seconds that a trial waits for resources before it takes an idle worker. Shorter trials than a worker's
start would otherwise never get a second worker."""

START_WAIT = 30.0
"""Seconds that a trial waits for its starting worker before it takes an idle one."""


class Controller(TuneController):
    """Tune's controller without snapshots, that hands idle workers to whatever waits.

    Attributes:
        clock: Returns monotonic seconds.
        idle_seconds: Seconds after which an idle worker is given back.
        is_fit: Returns whether a node, by its id, may be given another training.
        cause_of_loss: Returns why a worker on a node, by its id, died with an error of Ray.
        find_node: Returns the id of the node of a worker that died before its first message; empty if it is
            not known.
    """

    _trials: list[Trial]

    clock: Callable[[], float] = staticmethod(time.monotonic)
    idle_seconds = 60.0
    is_fit: Callable[[str], bool] = staticmethod(lambda node: True)
    cause_of_loss: Callable[[Exception, str], LossCause] = staticmethod(
        lambda error, node: loss_cause(error, draining=False, gone=False)
    )
    find_node: Callable[[Exception], str] = staticmethod(lambda error: "")

    def keep_workers(self, resources: Any, number: int) -> None:
        """Keep up to a number of idle processes; by default Tune keeps only one."""
        self._actor_cache.increase_max(resources, by=number)
        self._insufficient_resources_manager = _Silent()
        self._key = resources
        self._asked_to_save: set[Trial] = set()
        self._requested: dict[Trial, float] = {}
        self._idle_since: dict[TrackedActor, float] = {}
        self._node_of: dict[TrackedActor, str] = {}

    @property
    def training(self) -> int:
        """Number of trials that are with a worker."""
        return len(self._running_trials)

    @property
    def waiting(self) -> int:
        """Number of trials that wait for a worker."""
        return len(self._pending_trials)

    @property
    def unplaced(self) -> int:
        """Number of requested workers for which the cluster has reserved nothing yet."""
        return int(self._actor_manager.num_pending_actors)

    @property
    def placed(self) -> int:
        """Number of workers that hold resources: those that train, start, or have no trial."""
        return self.training + self.idle + max(0, self.waiting - self.unplaced)

    @property
    def waits_for_whole_gpu(self) -> bool:
        """Whether a trial that needs more than the others waits for its resources."""
        return any(trial.placement_group_factory != self._key for trial in self._pending_trials)

    @property
    def idle(self) -> int:
        """Number of workers without a trial."""
        return int(self._actor_cache.num_cached_objects)

    def checkpoint(self, force: bool = False, wait: bool = False) -> None:
        """Write nothing, because the ledger is the record."""

    def on_step_begin(self) -> None:
        """Ask nothing; Tune would ask the cluster for its resources, which can block."""

    def on_step_end(self) -> None:
        """Give idle workers back, and stop those that do not end by themselves."""
        self._release_idle()
        super().on_step_end()

    def _update_trial_queue(self, blocking: bool = True, timeout: int = 600) -> bool:
        return bool(super()._update_trial_queue(blocking=False, timeout=timeout))

    def _maybe_add_actors(self) -> None:
        super()._maybe_add_actors()
        for trial in list(self._pending_trials):
            if not self._actor_cache.num_cached_objects:
                return
            self._maybe_reuse_cached_actor(trial)

    def _schedule_trial_actor(self, trial: Trial) -> None:
        self._requested[trial] = self.clock()
        super()._schedule_trial_actor(trial)

    def _maybe_reuse_cached_actor(self, trial: Trial) -> bool:
        if trial in self._trial_to_actor and trial not in self._resetting_trials:
            requested = self._trial_to_actor[trial]
            starting = self._actor_manager.is_actor_started(requested)
            limit = START_WAIT if starting else RESOURCE_WAIT
            if self.clock() - self._requested.get(trial, 0.0) < limit:
                return False
        self._latest_idle_first()
        reused = bool(super()._maybe_reuse_cached_actor(trial))
        if reused and trial in self._trial_to_actor:
            actor = self._trial_to_actor[trial]
            self._idle_since.pop(actor, None)  # its node is known before its first message
            self._scheduler_alg.nodes[trial.trial_id] = self._node_of.get(actor, "")
        return reused

    def _schedule_trial_reset(
        self, trial: Trial, new_config: dict[str, Any], new_experiment_tag: str
    ) -> None:
        """Send a worker its next task alone; it has the environment since its start."""
        self._resetting_trials.add(trial)
        self._schedule_trial_task(
            trial=trial,
            method_name="begin",
            args=(new_config["task"],),
            on_result=self._on_trial_reset,
            on_error=self._trial_task_failure,
        )

    def _latest_idle_first(self) -> None:
        """Offer the worker that became idle last, so that those not needed grow old and are given back."""
        workers = self._actor_cache._cached_objects[self._key]
        if len(workers) > 1:
            workers.insert(0, workers.pop())

    def _maybe_cache_trial_actor(self, trial: Trial) -> bool:
        node = self._scheduler_alg.nodes.get(trial.trial_id, "")
        if trial.trial_id in self._scheduler_alg.unusable or not self.is_fit(node):
            return False
        if trial.placement_group_factory != self._key:
            return False  # it holds more than other trials need
        actor = self._trial_to_actor[trial]
        if not super()._maybe_cache_trial_actor(trial):
            return False
        self._idle_since[actor], self._node_of[actor] = self.clock(), node
        return True

    def _release_idle(self) -> None:
        """Release workers that have been idle for a while, or whose node is no longer fit."""
        workers = self._actor_cache._cached_objects[self._key]
        now = self.clock()
        for actor in list(workers):
            unneeded = now - self._idle_since.get(actor, now) >= self.idle_seconds
            if unneeded or not self.is_fit(self._node_of.get(actor, "")):
                workers.remove(actor)
                self._actor_cache._num_cached_objects -= 1
                self._end_worker(actor)

    def _end_worker(self, actor: TrackedActor) -> None:
        self._idle_since.pop(actor, None)
        actor.set_on_stop(None)
        actor.set_on_error(None)
        self._remove_actor(tracked_actor=actor)
        self._started_actors.discard(actor)

    def trials_on(self, leaving: Callable[[str], bool]) -> frozenset[Trial]:
        """Return the trials that train on some nodes.

        Args:
            leaving: Returns whether a node, by its id, is one of them.
        """
        nodes = ((trial, self._scheduler_alg.nodes.get(trial.trial_id, "")) for trial in self._running_trials)
        return frozenset(trial for trial, node in nodes if node and leaving(node))

    def have_saved(self, trials: frozenset[Trial]) -> None:
        """Have these trials, and no others, write a checkpoint after every epoch."""
        with_worker = self._running_trials & self._trial_to_actor.keys()
        self._asked_to_save &= with_worker
        for trial in (trials & with_worker) ^ self._asked_to_save:
            actor, saving = self._trial_to_actor[trial], trial in trials
            self._actor_manager.schedule_actor_task(actor, "save_soon", (saving,))
        self._asked_to_save = set(trials & with_worker)

    def release_all_idle(self) -> None:
        """Give back every idle worker."""
        self.release_idle(keep=0)

    def release_idle(self, keep: int) -> None:
        """Give back idle workers, those that have been idle longest first, until a number is left."""
        workers = self._actor_cache._cached_objects[self._key]
        while len(workers) > keep:
            actor = min(workers, key=lambda each: self._idle_since.get(each, 0.0))
            workers.remove(actor)
            self._actor_cache._num_cached_objects -= 1
            self._end_worker(actor)

    def keys_of(self, trials: Iterable[Trial]) -> dict[Trial, Key]:
        """Return the training of each trial."""
        keys = self._search_alg.keys
        return {trial: keys[trial.trial_id] for trial in trials if trial.trial_id in keys}

    def training_trials(self) -> frozenset[Trial]:
        """Return the trials that are with a worker."""
        return frozenset(self._running_trials)

    def unplaced_trials(self) -> frozenset[Trial]:
        """Return the trials that wait for a worker that has not started."""
        waiting = (trial for trial in self._pending_trials if trial not in self._resetting_trials)
        started = self._actor_manager.is_actor_started
        actors = ((trial, self._trial_to_actor.get(trial)) for trial in waiting)
        return frozenset(trial for trial, actor in actors if actor is None or not started(actor))

    def take_back(self, trial: Trial) -> None:
        """Give up a trial that waits for a worker, and the request for the worker."""
        self._scheduler_alg.unusable.add(trial.trial_id)
        self.stop_trial(trial)

    def _actor_stopped(self, tracked_actor: TrackedActor) -> None:
        super()._actor_stopped(tracked_actor)
        self._node_of.pop(tracked_actor, None)
        self._idle_since.pop(tracked_actor, None)

    def _schedule_trial_stop(self, trial: Trial, exception: Exception | None = None) -> None:
        super()._schedule_trial_stop(trial, exception)
        self._requested.pop(trial, None)
        self._resetting_trials.discard(trial)
        self._staged_trials.discard(trial)
        self._scheduler_alg.nodes.pop(trial.trial_id, None)
        self._scheduler_alg.unusable.discard(trial.trial_id)

    def _process_trial_failure(self, trial: Trial, exception: Exception) -> None:
        if trial.trial_id in self._search_alg.keys:
            node = self._scheduler_alg.nodes.get(trial.trial_id) or self.find_node(exception)
            death = failure_message(exception), self.cause_of_loss(exception, node), node
            self._search_alg.deaths[trial.trial_id] = death
        super()._process_trial_failure(trial, exception)

    def forget_ended(self) -> None:
        """Forget trials that have ended, so that memory does not grow with their number."""
        if len(self._trials) > 2 * len(self._live_trials) + 64:
            self._trials = [trial for trial in self._trials if not trial.is_finished()]
            self._stopped_trials.clear()
            self._failed_trials.clear()
            self._trials_to_cache.clear()


class _Silent:
    """Takes the place of Tune's warnings about resources, which ask the cluster and print."""

    def on_no_available_trials(self, trials: list[Trial]) -> None:
        """Say nothing; `hpo.running.crew` says what is waited for."""
