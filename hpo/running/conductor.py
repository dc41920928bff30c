"""The decisions of a search, independent of what runs its trainings.

Every event is committed to the ledger before it is acted on, by the same code that replays a ledger after
a crash (`hpo.running.search_state`). So a resumed search is in the state that the record describes. What
starts next is decided in `hpo.running.next_start`. A runner (Ray Tune, or the inline
one with a virtual clock) asks for tasks and passes on the workers' messages.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from hpo.core import events, shipped_model
from hpo.core.events import (
    Cause,
    Checkpointed,
    End,
    Event,
    LossCause,
    PauseCause,
    Reported,
    TrialStarted,
    TrialTakenUp,
)
from hpo.core.history import History
from hpo.core.ports import Ledger, Searcher, TrainingTask
from hpo.core.record import Recorded
from hpo.core.training_state import Key, Training
from hpo.running.judge import ended, fresh_end, in_search_phase, task_of
from hpo.running.next_start import NextStart
from hpo.running.plan import Plan
from hpo.running.search_state import SearchState

NO_SCORES: Mapping[str, float] = MappingProxyType({})

EventCallback = Callable[[Recorded, History], None]
"""Called after each commit in the process that runs the search; must return quickly."""


class Conductor:
    """Gives out training tasks and judges their reports."""

    def __init__(
        self,
        plan: Plan,
        ledger: Ledger,
        searcher: Searcher,
        clock: Callable[[], float] = time.monotonic,
        watch: EventCallback | None = None,
    ):
        self._plan = plan
        self._ledger = ledger
        self._watch = watch
        self._state = SearchState(plan, searcher, clock)
        self._next_start = NextStart(plan, self._state)
        self.history = self._state.history
        self.horizon = plan.horizon
        self.stopping = False

    def replay(self, record: Iterable[Recorded]) -> None:
        """Restore the state of a record; trainings without an end wait to be resumed."""
        for recorded in record:
            self._state.take(recorded)
        self._state.reserve.resume(self.history)
        self._append(*self._state.verdicts.values())
        self._state.waiting.extend(t.key for t in self.history.trainings.values() if t.waits)

    @property
    def open(self) -> int:
        """Number of trainings that workers are running."""
        return len(self._state.open)

    @property
    def running(self) -> frozenset[Key]:
        """The trainings that workers are running."""
        return frozenset(self._state.open)

    @property
    def done(self) -> bool:
        """Whether nothing is left to train."""
        if self._state.open or (self._state.waiting and not self.stopping):
            return False
        return self.stopping or shipped_model.all_trained(self.history)

    def next(self) -> TrainingTask | None:
        """Return the next task for a worker; None if a running training must end first, or at the end."""
        if self.stopping:
            return None
        waiting = self._state.waiting
        while not waiting and (new := self._next_start.events()):
            self._append(*new)
            waiting.extend((e.trial, e.replicate) for e in new if isinstance(e, TrialStarted | TrialTakenUp))
        if not waiting:
            return None
        training = self.history.trainings[waiting.popleft()]
        if training.paused:
            self._append(TrialTakenUp(*training.key, PauseCause.SHARE))
        self._state.open.add(training.key)
        return task_of(self._plan, training)

    def reported(
        self,
        key: Key,
        reports: Sequence[Reported],
        checkpoint: Checkpointed | None = None,
        weights: tuple[str, str] = ("", ""),
        scores: Mapping[str, float] = NO_SCORES,
        examples: tuple[str, str] = ("", ""),
        finished: str = "",
    ) -> bool:
        """Record a worker's message and judge it.

        Args:
            key: The training.
            reports: Its epochs since the last call, oldest first; epochs already on record are ignored.
            checkpoint: The newest checkpoint, if one was written since.
            weights: File name and SHA-256 of the kept weights, with the last report.
            scores: Their scores on the final part, if there is one.
            examples: File name and SHA-256 of each example's contribution to the value.
            finished: What the record says if the training's own rule ended it before its last epoch.

        Returns:
            Whether the training continues.
        """
        training = self.history.trainings[key]
        new: list[Event] = [report for report in reports if report.epoch > training.epoch]
        if checkpoint:
            new.append(checkpoint)
        if weights[0]:
            new.append(fresh_end(self._plan, training, reports, weights, scores, examples, finished))
        self._append(*new, then=lambda: self._verdict(training))
        if finished and training.running:
            self._append(ended(training, End.FINISHED, message=finished))
        return training.running

    def _verdict(self, training: Training) -> list[Event]:
        """Return the end of a training, if the events just applied end it; it goes into the same commit."""
        state = self._state
        if training.key in state.verdicts:
            return [state.verdicts[training.key]]
        if training.paused:
            return self._surplus()
        if training.end is None and in_search_phase(training) and state.reserve.spent(self.history):
            return [ended(training, End.INTERRUPTED, Cause.BUDGET, "the time budget is spent")]
        return []

    def _surplus(self) -> list[Event]:
        """Return the end of a paused trial, if more are paused than may be."""
        trial = self._state.pausing.surplus() if self._state.pausing else None
        return [] if trial is None else [ended(self.history.trainings[trial, 0], End.STOPPED)]

    def failed(self, key: Key, cause: Cause, message: str) -> bool:
        """Record that a training cannot continue, or tries again on a whole GPU.

        Returns:
            Whether it has ended.
        """
        training = self.history.trainings[key]
        if cause is Cause.OUT_OF_MEMORY and self._plan.shares_gpus and not training.whole_gpu:
            self._append(events.WorkerLost(*key, message, LossCause.OUT_OF_MEMORY, whole_gpu=True))
            self.wait_again(key)
            return False
        self._append(ended(training, End.FAILED, cause, message))
        return True

    def lost(self, key: Key, message: str, cause: LossCause = LossCause.WORKER_LOST) -> None:
        """Record that a training had to leave its worker.

        Another one continues it, unless too many of its workers died by themselves.
        """
        training = self.history.trainings[key]
        if training.end is not None:
            return  # it was stopped by a request before its worker died
        loss = events.WorkerLost(*key, message, cause)
        self._append(loss)
        if loss.counts and training.lost >= self._plan.worker_losses:
            why = Cause.OUT_OF_MEMORY if cause is LossCause.OUT_OF_MEMORY else Cause.WORKER_LOST
            text = f"its worker died {training.lost} times: {message}"
            self._append(ended(training, End.FAILED, why, text))
        else:
            self.wait_again(key)

    def pause(self, key: Key) -> None:
        """Record that a training leaves its worker to another search, until its own may hold more again."""
        self._append(events.TrialPaused(*key, PauseCause.SHARE))
        self.wait_again(key)

    def wait_again(self, key: Key) -> None:
        """Have a training begun or continued by the next worker that is free."""
        self._state.open.discard(key)
        self._state.waiting.appendleft(key)

    def released(self) -> list[Key]:
        """Return trainings that have ended since the last call and may have been paused.

        Their checkpoints are no longer needed.
        """
        keys, self._state.released = self._state.released, []
        return keys

    def stop_trial(self, trial: int, reason: str) -> bool:
        """End a trial of the search phase; its worker is stopped when it next answers.

        Args:
            trial: Number of the trial.
            reason: Why, for the record.

        Returns:
            Whether it had not ended yet.
        """
        training = self.history.trainings.get((trial, 0))
        if training is None or training.end is not None:
            return False
        if training.key in self._state.waiting:
            self._state.waiting.remove(training.key)
        self._append(ended(training, End.INTERRUPTED, Cause.USER, reason))
        return True

    def retry_trial(self, trial: int) -> None:
        """Add a trial at the point of a failed one, while the finalists are not named."""
        training = self.history.trainings.get((trial, 0))
        failed = training is not None and training.end is End.FAILED
        if failed and self.history.finalists is None:
            self._append(events.TrialsRetried((trial,)))

    def set_trials(self, trials: int) -> None:
        """Change how many trials the search starts, while its finalists are not named."""
        if self._plan.trials is not None and self.history.finalists is None:
            more = trials - self._plan.trials - self.history.extended
            self._append(*([events.SearchExtended(more)] if more else []))

    def set(self, field: str, value: float, user: str) -> None:
        """Record that a user changed a setting of the search, unless it has that value."""
        if self.history.settings.get(field) != value:
            self._append(events.SettingChanged(field, value, user))

    def stop(self) -> None:
        """Give out no more tasks; running trainings stay without an end on record, to be resumed."""
        self.stopping = True

    def warn(self, message: str) -> None:
        """Record a warning for the user."""
        self._append(events.Warned(message))

    def workers_changed(self, workers: int, gpus: float) -> None:
        """Record that another number of trainings now runs at once.

        Args:
            workers: Number of workers.
            gpus: GPUs that each of them holds.
        """
        if (workers, workers * gpus) != (self.history.workers, self.history.gpus_held):
            self._append(events.WorkersReady(workers, gpus))

    def close(self, end: events.SearchEnded) -> None:
        """Record how the search ended."""
        self._append(end)

    @property
    def hopeless(self) -> Cause | None:
        """The cause with which all first trials failed, while no other trial does better.

        No further trial is started then, and the search gives up if those still running fail as well.
        """
        return self._state.hopeless

    def _append(self, *new: Event, then: Callable[[], Sequence[Event]] = tuple) -> None:
        """Commit events together with those that follow from them, then pass them to the watcher."""

        def apply(committed: Sequence[Recorded]) -> Sequence[Event]:
            for recorded in committed:
                self._state.take(recorded)
            return then()

        new = new or tuple(then())
        for recorded in self._ledger.append(new, apply) if new else ():
            if self._watch:
                self._watch(recorded, self.history)
