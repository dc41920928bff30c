"""The conductor as Tune sees it: a search algorithm that gives out tasks, and a scheduler of verdicts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.search import SearchAlgorithm

from hpo.core.errors import DiskFull, Refused
from hpo.core.events import LossCause
from hpo.core.ports import TrainingTask
from hpo.core.training_state import Key
from hpo.running import checkpoints
from hpo.running.channel import Message
from hpo.running.conductor import Conductor

UNSAVED = (
    "the training code reports no state, so a paused trial has no checkpoint and is trained again from its "
    "beginning when it is taken up; pass `state` to `context.report` (in a training function: `run.track`), "
    "or set scheduler.name to leaders"
)


LEFT = "its node is being drained; it was saved and left the node"
"""What the record says of a training that left its node before the node's end."""


class TrialQueue(SearchAlgorithm):
    """Gives the conductor's tasks to Tune as trials, never more than there are places for.

    Args:
        conductor: Gives out the tasks.
        limit: Returns the number of tasks that may be with workers or wait for one.
        make_trial: Wraps a task, with a running number, as a Tune trial.

    Attributes:
        deaths: Messages and causes of dead workers, and their nodes' ids, by trial id.
        died: Called with a node's id and a training whose worker died there by itself.
        held_back: Returns whether no task is given out for now, because one that needs a whole GPU waits
            until the others on a GPU have ended.
    """

    died: Callable[[str, Key], None] = staticmethod(lambda node, key: None)
    held_back: Callable[[], bool] = staticmethod(lambda: False)

    def __init__(
        self, conductor: Conductor, limit: Callable[[], int], make_trial: Callable[[TrainingTask, int], Trial]
    ):
        self._conductor = conductor
        self._limit = limit
        self._make_trial = make_trial
        self._given = 0
        self._starved_at: tuple[float, ...] | None = None
        self.keys: dict[str, Key] = {}
        self.deaths: dict[str, tuple[str, LossCause, str]] = {}

    def next_trial(self) -> Trial | None:
        """Return the next task as a trial, if there is a place for it."""
        if self._conductor.open >= self._limit() or self.held_back():
            return None
        task = self._conductor.next()
        self._starved_at = self._budget if task is None else None
        if task is None:
            return None
        self._given += 1
        trial = self._make_trial(task, self._given)
        self.keys[trial.trial_id] = task.key
        return trial

    @property
    def open(self) -> int:
        """Number of tasks that are with workers or wait for one."""
        return self._conductor.open

    @property
    def starved(self) -> bool:
        """Whether there was no task when a place for one was last free."""
        return self._starved_at == self._budget

    @property
    def _budget(self) -> tuple[float, ...]:
        """What has to change before there is a task again, unless a training ends."""
        history = self._conductor.history
        return history.extended, *history.settings.values()

    def is_finished(self) -> bool:
        """Return whether the conductor has nothing left to train."""
        return self._conductor.done

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Handle the end of a Tune trial, which has an error if its worker died."""
        key = self.keys.pop(trial_id)
        unknown = "its process ended without a message", LossCause.WORKER_LOST, ""
        message, cause, node = self.deaths.pop(trial_id, unknown)
        if error:
            self._conductor.lost(key, message, cause)
            if node and cause is LossCause.WORKER_LOST:
                self.died(node, key)


class LedgerScheduler(FIFOScheduler):
    """Passes the workers' messages to the conductor, and its verdicts to Tune.

    Attributes:
        unusable: Ids of trials whose workers must not be used again.
        nodes: Id of the node on which each trial in progress trains, by trial id.
        messages: Number of messages received so far.
        set_aside: Called with a node's id and its fault when a training met one.
        leaving: Returns whether a node, by its id, is being drained.
        to_pause: Ids of trials to pause as soon as they are saved, because other searches need their workers.
        ended_well: Called with the id of a node on which a training ended or was paused.
        discarded: Called with a training and the name of a file to keep when its checkpoints are deleted.
    """

    discarded: Callable[[Key, str], None] = staticmethod(lambda key, keep: None)
    ended_well: Callable[[str], None] = staticmethod(lambda node: None)
    leaving: Callable[[str], bool] = staticmethod(lambda node: False)
    set_aside: Callable[[str, str], None] = staticmethod(lambda node, fault: None)

    def __init__(self, conductor: Conductor, queue: TrialQueue, folder: Path):
        super().__init__()
        self._checkpoints = folder
        self._conductor = conductor
        self._queue = queue
        self.unusable: set[str] = set()
        self.nodes: dict[str, str] = {}
        self.messages = 0
        self.to_pause: frozenset[str] = frozenset()
        self._warned = False

    def on_trial_result(self, tune_controller: Any, trial: Trial, result: dict[str, Any]) -> str:
        """Record a message and return whether its training continues."""
        message: Message = result["message"]
        key = self._queue.keys[trial.trial_id]
        self.messages += 1
        self.nodes[trial.trial_id] = result.get("node", "")
        for warning in message.warnings:
            self._conductor.warn(f"trial {key[0]}: {warning}")
        goes_on = self._conductor.history.trainings[key].running  # a request may have ended it
        if message.reports or message.checkpoint or message.weights[0] or message.finished:
            goes_on = self._conductor.reported(
                key,
                message.reports,
                message.checkpoint,
                message.weights,
                message.scores,
                message.examples,
                message.finished,
            )
        if message.full:
            raise DiskFull(message.full, self._checkpoints.parent)
        if message.refused and not message.node_fault:
            raise Refused(message.refused)
        if message.node_fault:
            self.unusable.add(trial.trial_id)
            self.set_aside(self.nodes[trial.trial_id], message.node_fault)
            if goes_on:  # another node continues it
                self._conductor.lost(key, message.node_fault, LossCause.NODE_FAULT)
                return str(TrialScheduler.STOP)
        if message.lost:
            self.unusable.add(trial.trial_id)
            if goes_on:
                self._conductor.lost(key, message.lost)
                self._queue.died(self.nodes[trial.trial_id], key)
                return str(TrialScheduler.STOP)
        if goes_on and message.failure:
            if not self._conductor.failed(key, *message.failure):
                return str(TrialScheduler.STOP)
            goes_on = False
        elif not goes_on:
            self.ended_well(self.nodes[trial.trial_id])
        if message.lost_worker:
            self.unusable.add(trial.trial_id)
        if not goes_on:
            self._discard(key, self._kept(key))
        elif self._can_leave(key, self.nodes[trial.trial_id]):
            self.unusable.add(trial.trial_id)
            self._conductor.lost(key, LEFT, LossCause.PREEMPTED)
            return str(TrialScheduler.STOP)
        elif trial.trial_id in self.to_pause and message.reports and self._is_saved(key):
            self.unusable.add(trial.trial_id)
            self._conductor.pause(key)
            self._discard(key, self._kept(key))
            return str(TrialScheduler.STOP)
        return str(TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP)

    def _can_leave(self, key: Key, node: str) -> bool:
        """Return whether a training is saved and its node is being drained."""
        return self._is_saved(key) and self.leaving(node)

    def _is_saved(self, key: Key) -> bool:
        training = self._conductor.history.trainings[key]
        saved = training.checkpoints[-1].epoch if training.checkpoints else 0
        return 0 < training.epoch == saved

    def _kept(self, key: Key) -> str:
        """Return the checkpoint from which a paused training continues; empty if it has ended."""
        training = self._conductor.history.trainings[key]
        if not training.paused:
            return ""
        saved = training.checkpoints[-1] if training.checkpoints else None
        if (saved is None or saved.epoch < training.epoch) and not self._warned:
            self._warned = True
            self._conductor.warn(UNSAVED)
        return saved.file if saved else ""

    def discard_released(self) -> None:
        """Delete the checkpoints of trainings that ended while they were paused."""
        for key in self._conductor.released():
            self._discard(key)

    def _discard(self, key: Key, keep: str = "") -> None:
        checkpoints.discard(self._checkpoints, key, keep)
        self.discarded(key, keep)

    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        """Return nothing; Tune's own choice scans all trials, including ended ones."""
        return None
