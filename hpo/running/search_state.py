"""The state of a running search, as its events leave it: live and in a replay alike.

Everything that a decision depends on is updated here, from recorded events in the order of the ledger, so
that a resumed search decides as the undisturbed one would have.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

from hpo.core import events
from hpo.core.constraints import excesses
from hpo.core.events import Cause, End, PauseCause, Reported, TrialEnded, TrialPaused, TrialTakenUp
from hpo.core.history import History
from hpo.core.ports import Searcher
from hpo.core.record import Recorded
from hpo.core.stopping_rules import PausingRule
from hpo.core.training_state import Key
from hpo.running.giving_up import FirstFailures
from hpo.running.judge import TRAINED_ON, Judge, in_search_phase
from hpo.running.limits import epochs_limit
from hpo.running.patience import PatienceCounter
from hpo.running.plan import Plan
from hpo.running.time_reserve import TimeReserve

RETRIED = "retried"
"""Origin of a trial at the point of one that failed."""


class SearchState:
    """What follows from the events so far.

    Args:
        plan: The rules of the search.
        searcher: Told of every start, report and end.
        clock: Returns monotonic seconds.

    Attributes:
        history: What is on record.
        searcher: What proposes points.
        verdicts: Verdicts on trainings that are not on record yet.
        waiting: Trainings that wait for a worker.
        open: Trainings that workers are running.
        started: Number of trials started, which is the number of the next one.
        retries: Failed trials that are still to be tried again.
        retried: Number of trials that tried a failed one again.
        exhausted: Whether the searcher has no point left.
        patience: Counts the trials without a gain.
        reserve: The time limit.
        released: Trainings that have ended and may have been paused, since they were last asked for.
    """

    def __init__(self, plan: Plan, searcher: Searcher, clock: Callable[[], float]):
        self._plan = plan
        self._judge = Judge(plan)
        self.searcher = searcher
        self.history = History(plan.objective)
        self.verdicts: dict[Key, TrialEnded | TrialPaused] = {}
        self.waiting: deque[Key] = deque()
        self.open: set[Key] = set()
        self.started = self.retried = 0
        self.retries: deque[int] = deque()
        self.exhausted = False
        self.first_failures = FirstFailures(plan.same_failures)
        self.patience = PatienceCounter(plan)
        self.reserve = TimeReserve(plan, clock)
        self.released: list[Key] = []

    @property
    def pausing(self) -> PausingRule | None:
        """The rung rule, if it pauses trials instead of stopping them."""
        return self._judge.pausing

    @property
    def hopeless(self) -> Cause | None:
        """The cause with which all first trials failed, while no other trial does better."""
        keys = (*self.open, *self.waiting)
        return self.first_failures.cause(self.history.trainings[key] for key in keys)

    @property
    def spent(self) -> bool:
        """Whether the epochs or the time of the search phase are spent."""
        most = epochs_limit(self._plan, self.history)
        return (most is not None and self.history.epochs >= most) or self.reserve.spent(self.history)

    def take(self, recorded: Recorded) -> None:
        """Update the state after an event."""
        self.history.apply(recorded)
        match recorded.event:
            case Reported() as report:
                self._take_report(report)
            case events.TrialStarted(replicate=0) as start:
                self._take_start(start)
            case TrialPaused(cause=PauseCause.SHARE) as pause:
                self.open.discard((pause.trial, pause.replicate))
            case TrialPaused() as pause:
                self._take_pause(pause)
            case TrialTakenUp(cause=PauseCause.SHARE):
                pass
            case TrialTakenUp(trial=trial) if self.pausing:
                self.pausing.taken_up(trial)
                self.searcher.taken_up(trial, self.history.trainings[trial, 0].point)
            case TrialEnded() as end:
                self._take_end(end)
            case events.SearchExtended():
                self.exhausted = False
            case events.TrialsRetried(trials=trials):
                self.exhausted = False
                self.retries.extend(trials)
                self.first_failures = FirstFailures(self._plan.same_failures, self.started)
            case _:
                pass

    def _take_start(self, start: events.TrialStarted) -> None:
        if start.origin == TRAINED_ON:
            if self.pausing:
                self.pausing.forget(start.trial)
            return
        if start.origin == RETRIED:
            self.retries.popleft()
            self.retried += 1
        self.started = start.trial + 1
        self.searcher.started(start.trial, start.point)

    def _take_report(self, report: Reported) -> None:
        key = report.trial, report.replicate
        training = self.history.trainings[key]
        if key in self.verdicts or training.end is not None:
            return  # it was sent before the verdict reached the worker
        if in_search_phase(training):
            self.searcher.timed(report.trial, report.seconds)
            self.searcher.report(report.trial, report.epoch, training.value)
            if constraints := self._plan.objective.constraints:
                trained = report.epoch >= self._plan.horizon
                metrics = training.at_counted if trained else report.metrics
                self.searcher.limited(report.trial, excesses(constraints, metrics, trained))
        verdict = self._judge.verdict(report, self.history)
        if verdict:
            self.verdicts[key] = verdict

    def _take_pause(self, pause: TrialPaused) -> None:
        key = pause.trial, pause.replicate
        self.verdicts.pop(key, None)
        self.open.discard(key)
        self.searcher.paused(pause.trial)
        self.first_failures.succeeded()
        self.patience.add(pause.trial, self.history.trainings[key].value)

    def _take_end(self, end: TrialEnded) -> None:
        key = end.trial, end.replicate
        training = self.history.trainings[key]
        if self.pausing and not end.replicate:
            self.pausing.forget(end.trial)
            self.released.append(key)
        self.verdicts.pop(key, None)
        self.open.discard(key)
        if in_search_phase(training):
            self.searcher.tell(end.trial, end.end, end.value, end.cause)
            self.first_failures.add(end)
            self.patience.add(end.trial, end.value if self.history.feasible(training) else math.nan)
            if end.end is End.FINISHED:
                self.reserve.fully_trained(training)
