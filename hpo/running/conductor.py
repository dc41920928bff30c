"""The decisions of a search, independent of what runs its trainings.

Every event is committed to the ledger before it is acted on, by the same code that replays a ledger after
a crash. So a resumed search is in the state that the record describes. A runner (Ray Tune, or the inline
one with a virtual clock) asks for tasks and passes on the workers' messages.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from types import MappingProxyType

from hpo.core import events, shipped_model
from hpo.core.constraints import excesses
from hpo.core.events import (
    Cause,
    Checkpointed,
    End,
    Event,
    LossCause,
    PauseCause,
    Reported,
    TrialEnded,
    TrialPaused,
    TrialTakenUp,
)
from hpo.core.history import RETRAINED, History, Key, Training
from hpo.core.ports import Ledger, Searcher, TrainingTask
from hpo.core.record import Recorded
from hpo.core.search_shortfall import unsatisfied
from hpo.core.space import Point
from hpo.running.giving_up import FirstFailures
from hpo.running.judge import TRAINED_ON, Judge, ended, fresh_end, in_search_phase, task_of
from hpo.running.patience import PatienceCounter, saved
from hpo.running.plan import Plan
from hpo.running.time_reserve import TimeReserve

NO_SCORES: Mapping[str, float] = MappingProxyType({})

RETRIED = "retried"
"""Origin of a trial at the point of one that failed."""

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
        self._searcher = searcher
        self._watch = watch
        self._judge = Judge(plan)
        self._trial_started = partial(events.TrialStarted, made_with=plan.made_with)
        self._verdicts: dict[Key, TrialEnded | TrialPaused] = {}
        self._waiting: deque[Key] = deque()
        self._open: set[Key] = set()
        self._started = 0
        self._retries: deque[int] = deque()
        self._retried = 0
        self._exhausted = False
        self._first_failures = FirstFailures(plan.same_failures)
        self._patience = PatienceCounter(plan)
        self._finals_seq = (
            0  # last event when the finalists' rule was asked; its answer is the same until the next
        )
        self._reserve = TimeReserve(plan, clock)
        self._released: list[Key] = []
        self.history = History(plan.objective)
        self.horizon = plan.horizon
        self.stopping = False

    def replay(self, record: Iterable[Recorded]) -> None:
        """Restore the state of a record; trainings without an end wait to be resumed."""
        for recorded in record:
            self._take(recorded)
        self._reserve.resume(self.history)
        self._append(*self._verdicts.values())
        self._waiting.extend(t.key for t in self.history.trainings.values() if t.running)

    @property
    def open(self) -> int:
        """Number of trainings that workers are running."""
        return len(self._open)

    @property
    def done(self) -> bool:
        """Whether nothing is left to train."""
        if self._open or (self._waiting and not self.stopping):
            return False
        return self.stopping or shipped_model.all_trained(self.history)

    def next(self) -> TrainingTask | None:
        """Return the next task for a worker; None if a running training must end first, or at the end."""
        if self.stopping:
            return None
        if not self._waiting:
            self._look_ahead()
        if not self._waiting:
            return None
        training = self.history.trainings[self._waiting.popleft()]
        self._open.add(training.key)
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
        if training.key in self._verdicts:
            return [self._verdicts[training.key]]
        if training.paused:
            return self._surplus()
        if training.end is None and in_search_phase(training) and self._reserve.spent(self.history):
            return [ended(training, End.INTERRUPTED, Cause.BUDGET, "the time budget is spent")]
        return []

    def _surplus(self) -> list[Event]:
        """Return the end of a paused trial, if more are paused than may be."""
        trial = self._judge.pausing.surplus() if self._judge.pausing else None
        return [] if trial is None else [ended(self.history.trainings[trial, 0], End.STOPPED)]

    def failed(self, key: Key, cause: Cause, message: str) -> bool:
        """Record that a training cannot continue, or tries once more on a whole GPU.

        Returns:
            Whether it has ended.
        """
        training = self.history.trainings[key]
        if cause is Cause.OUT_OF_MEMORY and self._plan.shares_gpus and not training.whole_gpu:
            self._append(events.WorkerLost(*key, message, LossCause.OUT_OF_MEMORY, whole_gpu=True))
            self._wait_again(key)
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
            self._wait_again(key)

    def _wait_again(self, key: Key) -> None:
        """Have a training continued by the next worker that is free."""
        self._open.discard(key)
        self._waiting.appendleft(key)

    def released(self) -> list[Key]:
        """Return trainings that have ended since the last call and may have been paused.

        Their checkpoints are no longer needed.
        """
        keys, self._released = self._released, []
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
        if training.key in self._waiting:
            self._waiting.remove(training.key)
        self._append(ended(training, End.INTERRUPTED, Cause.USER, reason))
        return True

    def set_trials(self, trials: int) -> None:
        """Change how many trials the search starts, while its finalists are not named."""
        if self._plan.trials is not None and self.history.finalists is None:
            more = trials - self._plan.trials - self.history.extended
            self._append(*([events.SearchExtended(more)] if more else []))

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

        The search starts no further trial then, and gives up if the trials still running fail as well.
        """
        keys = (*self._open, *self._waiting)
        return self._first_failures.cause(self.history.trainings[key] for key in keys)

    def _look_ahead(self) -> None:
        """Start the next training, if one can start before the running trainings end."""
        if self.history.finalists is None:
            if not self._take_up():
                self._start_trial()
            if not self._waiting:
                self._take_up_for_finalists()
            if not self._waiting and not self._open:
                self._name_finalists()
        if self.history.finalists is not None and self.history.winner is None:
            self._start_replicate()
        if self.history.winner is not None:
            self._start_retraining()

    def _take_up(self) -> bool:
        """Continue a paused trial that qualifies at its rung; return whether there is one."""
        rule = self._judge.pausing
        if rule is None or self._spent or self._patience.exhausted:
            return False
        return self._taken_up(rule.take_up(), PauseCause.RUNG)

    def _take_up_for_finalists(self) -> None:
        """Continue the best paused trial if no trial is left to start and too few are fully trained."""
        rule = self._judge.pausing
        trained = sum(t.end is End.FINISHED and self.history.feasible(t) for t in self.history.trials)
        if rule and not self._spent and trained + len(self._open) < self._plan.finalists:
            self._taken_up(rule.furthest(), PauseCause.FINALISTS)

    def _taken_up(self, trial: int | None, cause: PauseCause) -> bool:
        if trial is None:
            return False
        self._append(TrialTakenUp(trial, 0, cause))
        self._waiting.append((trial, 0))
        return True

    def _start_trial(self) -> None:
        number = self._started
        if not self._affordable(number):
            return
        origin, point = self._proposed(number)
        if point is None:
            self._exhausted = True
            return
        recipe, seed = self._plan.recipe_of(point), self._plan.training_seed(number, 0)
        self._append(self._trial_started(number, 0, dict(point), recipe, seed, origin))
        self._waiting.append((number, 0))

    def _proposed(self, number: int) -> tuple[str, Point | None]:
        """Return the origin of a trial's point, and the point; None if no point is left."""
        if self._retries:
            return RETRIED, self.history.trainings[self._retries[0], 0].point
        first = number - self._retried
        from_spec, earlier = self._plan.start_from, self._plan.warm_start
        if first < len(from_spec):
            return "start_from", from_spec[first]
        if first < len(from_spec) + len(earlier):
            return "warm_start", earlier[first - len(from_spec)]
        return "sampler", self._searcher.ask(number)

    def _affordable(self, number: int) -> bool:
        plan, history = self._plan, self.history
        if self._retries:  # they are added to the budget
            return not self.hopeless
        return not (
            self._exhausted
            or self.hopeless
            or self._patience.exhausted
            or (plan.trials is not None and number >= plan.trials + history.extended)
            or self._spent
        )

    @property
    def _spent(self) -> bool:
        """Whether the epochs or the time of the search phase are spent."""
        plan, history = self._plan, self.history
        return (plan.epochs is not None and history.epochs >= plan.epochs) or self._reserve.spent(history)

    def _name_finalists(self) -> None:
        finished = [t for t in self.history.trials if t.end is End.FINISHED]
        best = self.history.best
        shortage = "" if finished or self.hopeless else self._reserve.shortage(self.history)
        if finished or best is None or self.hopeless or shortage:
            chosen = self._plan.rank(finished)[: self._plan.finalists]
            stopped = [ended(training, End.STOPPED) for training in self.history.paused]
            reason = shortage or self._reason_to_end() or ("" if chosen else unsatisfied(self.history))
            named = events.FinalistsNamed(tuple(t.trial for t in chosen), reason)
            self._append(*stopped, named)
            return
        self._append(self._trial_started(best.trial, 0, best.point, best.recipe, best.seed, TRAINED_ON))
        self._waiting.append(best.key)

    def _reason_to_end(self) -> str:
        """Return why the search phase ends before its budget is spent; empty if it is spent."""
        plan, history = self._plan, self.history
        if self.hopeless:
            most = None if plan.trials is None else plan.trials + history.extended
            return self._first_failures.reason(self.hopeless, self._started, most)
        return saved(plan, history) if self._patience.exhausted else ""

    def _start_replicate(self) -> None:
        """Start the next training that the finalists' rule needs, or name the winner."""
        history, plan = self.history, self._plan
        if history.finalists is None or not history.finalists.trials or history.seq == self._finals_seq:
            return
        step, self._finals_seq = plan.finals(history), history.seq
        if step is None or isinstance(step, events.WinnerNamed):
            self._append(step or events.FinalistsNamed((), unsatisfied(self.history)))
            return
        key = next((key for key in step if key not in history.trainings), None)
        if key is not None:
            trial, replicate = key
            finalist, seed = history.trainings[trial, 0], plan.training_seed(trial, replicate)
            split = plan.fresh.split(replicate)
            self._append(self._trial_started(*key, finalist.point, finalist.recipe, seed, "finalist", split))
            self._waiting.append(key)

    def _start_retraining(self) -> None:
        """Start the training of the model, if it is not one of the finalists' trainings."""
        history, key = self.history, shipped_model.to_train(self.history)
        if key is None or key in history.trainings:
            return
        winner, seed = history.trainings[key[0], 0], self._plan.training_seed(*key)
        last = shipped_model.epochs_needed(history)
        self._append(
            self._trial_started(*key, winner.point, winner.recipe, seed, RETRAINED, shipped_model.ALL, last)
        )
        self._waiting.append(key)

    def _append(self, *new: Event, then: Callable[[], Sequence[Event]] = tuple) -> None:
        """Commit events together with those that follow from them, then pass them to the watcher."""

        def apply(committed: Sequence[Recorded]) -> Sequence[Event]:
            for recorded in committed:
                self._take(recorded)
            return then()

        new = new or tuple(then())
        for recorded in self._ledger.append(new, apply) if new else ():
            if self._watch:
                self._watch(recorded, self.history)

    def _take(self, recorded: Recorded) -> None:
        """Update the state after an event, both live and in a replay."""
        self.history.apply(recorded)
        match recorded.event:
            case Reported() as report:
                self._take_report(report)
            case events.TrialStarted(trial=trial, replicate=0, point=point, origin=origin):
                if self._judge.pausing and origin == TRAINED_ON:
                    self._judge.pausing.forget(trial)
                if origin == RETRIED:
                    self._retries.popleft()
                    self._retried += 1
                if origin != TRAINED_ON:
                    self._started = trial + 1
                    self._searcher.started(trial, point)
            case TrialPaused() as pause:
                self._take_pause(pause)
            case TrialTakenUp(trial=trial) if self._judge.pausing:
                self._judge.pausing.taken_up(trial)
                self._searcher.taken_up(trial, self.history.trainings[trial, 0].point)
            case TrialEnded() as end:
                self._take_end(end)
            case events.SearchExtended():
                self._exhausted = False
            case events.TrialsRetried(trials=trials):
                self._exhausted = False
                self._retries.extend(trials)
                self._first_failures = FirstFailures(self._plan.same_failures, self._started)
            case _:
                pass

    def _take_report(self, report: Reported) -> None:
        key = report.trial, report.replicate
        training = self.history.trainings[key]
        if key in self._verdicts or training.end is not None:
            return  # it was sent before the verdict reached the worker
        if in_search_phase(training):
            self._searcher.report(report.trial, report.epoch, training.value)
            if constraints := self._plan.objective.constraints:
                trained = report.epoch >= self._plan.horizon
                metrics = training.at_counted if trained else report.metrics
                self._searcher.limited(report.trial, excesses(constraints, metrics, trained))
        verdict = self._judge.verdict(report, self.history)
        if verdict:
            self._verdicts[key] = verdict

    def _take_pause(self, pause: TrialPaused) -> None:
        key = pause.trial, pause.replicate
        self._verdicts.pop(key, None)
        self._open.discard(key)
        self._searcher.paused(pause.trial)
        self._first_failures.succeeded()
        self._patience.add(pause.trial, self.history.trainings[key].value)

    def _take_end(self, end: TrialEnded) -> None:
        key = end.trial, end.replicate
        training = self.history.trainings[key]
        if self._judge.pausing and not end.replicate:
            self._judge.pausing.forget(end.trial)
            self._released.append(key)
        self._verdicts.pop(key, None)
        self._open.discard(key)
        if in_search_phase(training):
            self._searcher.tell(end.trial, end.end, end.value, end.cause)
            self._first_failures.add(end)
            self._patience.add(end.trial, end.value if self.history.feasible(training) else math.nan)
            if end.end is End.FINISHED:
                self._reserve.fully_trained(training)
