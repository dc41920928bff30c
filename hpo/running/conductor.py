"""What a search does next, whoever trains: the one place where its decisions are made.

Everything that happens is first committed to the ledger and only then acted on, by the same code
that replays a ledger after a crash. So a resumed search stands where the record stands. A runner
(Ray Tune, or the inline one with a virtual clock) asks for orders and hands in what workers say.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType

from hpo.core import events, shipped_model
from hpo.core.events import Cause, Checkpointed, End, Event, Reported, TrialEnded
from hpo.core.history import RETRAINED, History, Key, Training
from hpo.core.ports import Ledger, Searcher, TrainingTask
from hpo.core.record import Recorded
from hpo.core.space import Point
from hpo.running.judge import TRAINED_ON, Judge, ended, fresh_end, in_search_phase, order_of
from hpo.running.patience import saved
from hpo.running.plan import Plan
from hpo.running.time_reserve import TimeReserve

NO_SCORES: Mapping[str, float] = MappingProxyType({})

EventCallback = Callable[[Recorded, History], None]
"""Called after each commit, in the process that runs the search; must be quick."""


class Conductor:
    """Gives out orders and judges what comes back."""

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
        self._verdicts: dict[Key, TrialEnded] = {}
        self._waiting: deque[Key] = deque()
        self._open: set[Key] = set()
        self._started = 0
        self._exhausted = False
        self._first_causes: list[Cause | None] = []
        self._leading = math.nan
        self._stale = 0
        self._looked = 0  # at what event the finalists' rule was asked last; it says the same again
        self._allowance = TimeReserve(plan, clock)
        self.history = History(plan.objective)
        self.horizon = plan.horizon
        self.stopping = False

    def replay(self, record: Iterable[Recorded]) -> None:
        """Stand where a record stands; trainings without an end wait to be taken up."""
        for recorded in record:
            self._take(recorded)
        self._allowance.resume(self.history)
        self._append(*self._verdicts.values())
        self._waiting.extend(t.key for t in self.history.trainings.values() if t.end is None)

    @property
    def open(self) -> int:
        """Number of trainings that are with workers now."""
        return len(self._open)

    @property
    def done(self) -> bool:
        """Whether nothing is left to train."""
        if self._open or (self._waiting and not self.stopping):
            return False
        return self.stopping or shipped_model.all_trained(self.history)

    def next(self) -> TrainingTask | None:
        """The next training for a worker; None while the open ones must end first, or at the end."""
        if self.stopping:
            return None
        if not self._waiting:
            self._look_ahead()
        if not self._waiting:
            return None
        training = self.history.trainings[self._waiting.popleft()]
        self._open.add(training.key)
        return order_of(self._plan, training)

    def reported(
        self,
        key: Key,
        reports: Sequence[Reported],
        checkpoint: Checkpointed | None = None,
        weights: tuple[str, str] = ("", ""),
        scores: Mapping[str, float] = NO_SCORES,
        examples: tuple[str, str] = ("", ""),
    ) -> bool:
        """Record what a worker says and judge it.

        Args:
            key: The training.
            reports: Its epochs since the last call, oldest first; known ones are passed over.
            checkpoint: The newest checkpoint, if one was written since.
            weights: File name and SHA-256 of the kept weights, with the last report.
            scores: What they scored on the final part, if there is one.
            examples: File name and SHA-256 of what each example contributed to that.

        Returns:
            Whether the training goes on.
        """
        training = self.history.trainings[key]
        new: list[Event] = [report for report in reports if report.epoch > training.epoch]
        if checkpoint:
            new.append(checkpoint)
        if weights[0]:
            new.append(fresh_end(self._plan, training, reports, weights, scores, examples))
        self._append(*new, then=lambda: self._verdict(training))
        return training.end is None

    def _verdict(self, training: Training) -> list[Event]:
        """How a training ends with what was just folded in, if it does: in the same commit."""
        if training.key in self._verdicts:
            return [self._verdicts[training.key]]
        if training.end is None and in_search_phase(training) and self._allowance.spent(self.history):
            return [ended(training, End.INTERRUPTED, Cause.BUDGET, "the time budget is spent")]
        return []

    def failed(self, key: Key, cause: Cause, message: str) -> None:
        """A training cannot go on."""
        self._append(ended(self.history.trainings[key], End.FAILED, cause, message))

    def lost(self, key: Key, message: str) -> None:
        """A training's worker died; it goes on elsewhere unless that happened too often."""
        training = self.history.trainings[key]
        self._append(events.WorkerLost(*key, message))
        if training.lost >= self._plan.worker_losses:
            self.failed(key, Cause.WORKER_LOST, f"its worker died {training.lost} times: {message}")
        else:
            self._open.discard(key)
            self._waiting.appendleft(key)

    def stop(self) -> None:
        """Give out nothing more; open trainings stay open in the record, to be resumed."""
        self.stopping = True

    def warn(self, message: str) -> None:
        """Put something on record that a user should know and that stops nothing."""
        self._append(events.Warned(message))

    def close(self, end: events.SearchEnded) -> None:
        """Put on record how the search ended."""
        self._append(end)

    @property
    def hopeless(self) -> Cause | None:
        """The one cause with which all first trials failed, once there are enough of them."""
        enough = len(self._first_causes) >= self._plan.same_failures
        first = self._first_causes[: self._plan.same_failures]
        return first[0] if enough and len(set(first)) == 1 else None

    def _look_ahead(self) -> None:
        """Start what comes next, if anything can start before the open trainings end."""
        if self.history.finalists is None:
            self._start_trial()
            if not self._waiting and not self._open:
                self._name_finalists()
        if self.history.finalists is not None and self.history.winner is None:
            self._start_replicate()
        if self.history.winner is not None:
            self._start_retraining()

    def _start_trial(self) -> None:
        number = self._started
        if not self._affordable(number):
            return
        origin, point = self._proposed(number)
        if point is None:
            self._exhausted = True
            return
        recipe, seed = self._plan.recipe_of(point), self._plan.training_seed(number, 0)
        self._append(events.TrialStarted(number, 0, dict(point), recipe, seed, origin))
        self._waiting.append((number, 0))

    def _proposed(self, number: int) -> tuple[str, Point | None]:
        """Where a trial's point comes from, and the point; None if there is none left."""
        written, earlier = self._plan.start_from, self._plan.warm_start
        if number < len(written):
            return "start_from", written[number]
        if number < len(written) + len(earlier):
            return "warm_start", earlier[number - len(written)]
        return "sampler", self._searcher.ask(number)

    def _affordable(self, number: int) -> bool:
        plan, history = self._plan, self.history
        return not (
            self._exhausted
            or self.hopeless
            or self._impatient
            or (plan.trials is not None and number >= plan.trials + history.extended)
            or (plan.epochs is not None and history.epochs >= plan.epochs)
            or self._allowance.spent(history)
        )

    @property
    def _impatient(self) -> bool:
        """Whether so many trials in a row brought no gain that the search is over."""
        return self._plan.patience is not None and self._stale >= self._plan.patience

    def _name_finalists(self) -> None:
        finished = [t for t in self.history.trials if t.end is End.FINISHED]
        best = self.history.best
        if finished or best is None or self.hopeless:
            chosen = self._plan.rank(finished)[: self._plan.finalists]
            why = saved(self._plan, self.history) if self._impatient else ""
            self._append(events.FinalistsNamed(tuple(t.trial for t in chosen), why))
            return
        again = events.TrialStarted(best.trial, 0, best.point, best.recipe, best.seed, TRAINED_ON)
        self._append(again)
        self._waiting.append(best.key)

    def _start_replicate(self) -> None:
        """Start the next training that the finalists' rule waits for, or name the winner."""
        history, plan = self.history, self._plan
        if history.finalists is None or not history.finalists.trials or history.seq == self._looked:
            return
        step, self._looked = plan.finals(history), history.seq
        if step is None or isinstance(step, events.WinnerNamed):
            self._append(step or events.FinalistsNamed(()))
            return
        key = next((key for key in step if key not in history.trainings), None)
        if key is not None:
            trial, replicate = key
            own, seed = history.trainings[trial, 0], plan.training_seed(trial, replicate)
            split = plan.fresh.split(replicate)
            started = events.TrialStarted(*key, own.point, own.recipe, seed, "finalist", split)
            self._append(started)
            self._waiting.append(key)

    def _start_retraining(self) -> None:
        """Start the training that makes the model, where the winner's own weights are not to be it."""
        history, key = self.history, shipped_model.to_train(self.history)
        if key is None or key in history.trainings:
            return
        own, seed = history.trainings[key[0], 0], self._plan.training_seed(*key)
        last = shipped_model.epochs_needed(history)
        self._append(
            events.TrialStarted(*key, own.point, own.recipe, seed, RETRAINED, shipped_model.ALL, last)
        )
        self._waiting.append(key)

    def _append(self, *new: Event, then: Callable[[], Sequence[Event]] = tuple) -> None:
        """Commit events with what follows from them at once; nobody hears of them before that."""

        def fold(recorded: Sequence[Recorded]) -> Sequence[Event]:
            for each in recorded:
                self._take(each)
            return then()

        new = new or tuple(then())
        for recorded in self._ledger.append(new, fold) if new else ():
            if self._watch:
                self._watch(recorded, self.history)

    def _take(self, recorded: Recorded) -> None:
        """Everything that follows from an event, live and in replay alike."""
        self.history.apply(recorded)
        match recorded.event:
            case Reported() as report:
                self._take_report(report)
            case events.TrialStarted(trial=trial, replicate=0, point=point, origin=origin):
                if origin != TRAINED_ON:
                    self._started = trial + 1
                    self._searcher.started(trial, point)
            case TrialEnded() as end:
                self._take_end(end)
            case events.SearchExtended():
                self._exhausted = False
            case _:
                pass

    def _take_report(self, report: Reported) -> None:
        key = report.trial, report.replicate
        training = self.history.trainings[key]
        if key in self._verdicts or training.end is not None:
            return  # it was sent before the worker heard the verdict
        if in_search_phase(training):
            self._searcher.report(report.trial, report.epoch, training.value)
        verdict = self._judge.verdict(report, self.history)
        if verdict:
            self._verdicts[key] = verdict

    def _take_end(self, end: TrialEnded) -> None:
        key = end.trial, end.replicate
        self._verdicts.pop(key, None)
        self._open.discard(key)
        if in_search_phase(self.history.trainings[key]):
            self._searcher.tell(end.trial, end.end, end.value, end.cause)
            self._first_causes.append(end.cause if end.end is End.FAILED else None)
            self._note_gain(end.value)
            if end.end is End.FINISHED:
                self._allowance.fully_trained(self.history.trainings[key])

    def _note_gain(self, value: float) -> None:
        objective, leading = self._plan.objective, self._leading
        gain = objective.rising(value) - objective.rising(leading)
        if math.isfinite(value) and not gain <= self._plan.least_gain:
            self._leading, self._stale = value, 0
        else:
            self._stale += 1
