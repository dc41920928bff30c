"""What a list of searches shows of one, computed from its events without keeping its trainings.

A ledger stores it beside the events, so that a thousand searches are listed without reading a million
events. `hpo.core.history.History` is the whole state.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from hpo.core import events
from hpo.core.events import End
from hpo.core.field_types import require_types
from hpo.core.json_values import fields_of, parsed
from hpo.core.objective import Objective
from hpo.core.record import Recorded

OFTEN = (
    events.TrialStarted,
    events.Reported,
    events.Checkpointed,
    events.TrialPaused,
    events.TrialTakenUp,
    events.TrialEnded,
)
"""Events of which a search has many; those after a stored summary are added when it is read."""


@dataclass(frozen=True, slots=True)
class SearchSummary:
    """One search, after the events up to ``seq``.

    Attributes:
        seq: Number of events that it covers.
        status: ``running``, or how the search ended.
        user: Who opened it; empty if an early version did not record it.
        opened: Unix seconds.
        tags: The user's own labels.
        metric: Metric of the objective; empty if the record names none.
        mode: ``max`` or ``min``.
        begun: Whether a process has begun to run it.
        trials: Trials started.
        finished: Best value among fully trained trials; NaN if there is none.
        unfinished: The same among trials that were stopped or cut short.
        test: Score of the winner on the test part; NaN while that is sealed.
        cpus: CPUs of one training.
        trained: Seconds of training, over all workers.
        gpu_seconds: Seconds for which workers held GPUs, times their number.
        gpus_held: GPUs that its workers hold now.
        last: Unix seconds of the last event that a running search wrote.
    """

    seq: int = 0
    status: str = "running"
    user: str = ""
    opened: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict)
    metric: str = ""
    mode: str = "max"
    begun: bool = False
    trials: int = 0
    finished: float = math.nan
    unfinished: float = math.nan
    test: float = math.nan
    cpus: float = 1.0
    trained: float = 0.0
    gpu_seconds: float = 0.0
    gpus_held: float = 0.0
    last: float = 0.0

    @classmethod
    def of_json(cls, text: str) -> SearchSummary:
        """Return a summary that was stored as text.

        Raises:
            ValueError: If it is not one.
            TypeError: Likewise.
        """
        values = parsed(text)
        require_types(cls, values)
        return cls(**values)

    def to_json(self) -> str:
        """Return the text that a ledger stores, in which NaN survives."""
        return json.dumps(fields_of(self), separators=(",", ":"))

    @property
    def objective(self) -> Objective:
        """The objective."""
        return Objective(self.metric, "min" if self.mode == "min" else "max")

    @property
    def best(self) -> float:
        """Value of the best trial so far; fully trained trials come before all others."""
        return self.finished if math.isfinite(self.finished) else self.unfinished

    def after(self, record: Iterable[Recorded]) -> SearchSummary:
        """Return the summary after further events."""
        summary = self
        for recorded in record:
            summary = summary._after_one(recorded)
        return summary

    def _after_one(self, recorded: Recorded) -> SearchSummary:
        event = recorded.event
        clock = self._clock(recorded)
        match event:
            case events.Reported(seconds=seconds):
                return replace(clock, trained=self.trained + seconds)
            case events.TrialStarted(trial=trial, replicate=0):
                return replace(clock, begun=True, trials=max(self.trials, trial + 1))
            case events.TrialEnded(replicate=0):
                return clock._with_value(event)
            case events.WorkersReady(workers=workers, gpus=gpus):
                return replace(clock, begun=True, gpus_held=workers * gpus)
            case events.SearchOpened():
                return clock._opened(event, recorded.time)
            case events.SearchResumed():
                return replace(clock, status="running", gpus_held=0.0)
            case events.SearchExtended() | events.TrialsRetried():
                return replace(clock, status="running")
            case events.TestScored(scores=scores):
                score = scores.get(self.metric)
                return replace(clock, test=score["value"] if score else math.nan)
            case events.SearchEnded(status=status):
                return replace(clock, status=status)
            case _:
                return clock

    def _clock(self, recorded: Recorded) -> SearchSummary:
        """Advance the position, and the hours of GPUs as `History` counts them."""
        if isinstance(recorded.event, events.BY_ANOTHER_PROCESS):
            return replace(self, seq=recorded.seq)
        held = 0.0
        if self.seq and not isinstance(recorded.event, events.SearchResumed):
            held = max(0.0, recorded.time - self.last) * self.gpus_held
        return replace(self, seq=recorded.seq, last=recorded.time, gpu_seconds=self.gpu_seconds + held)

    def _opened(self, opened: events.SearchOpened, when: float) -> SearchSummary:
        objective = opened.spec.get("objective", {})
        return replace(
            self,
            opened=when,
            user=opened.user,
            tags=dict(opened.tags),
            metric=str(objective.get("metric", "")),
            mode=str(objective.get("mode", "max")),
            cpus=float(opened.spec.get("resources", {}).get("cpus", 1.0)),
        )

    def _with_value(self, ended: events.TrialEnded) -> SearchSummary:
        if ended.end is End.FINISHED:
            return replace(self, finished=self.objective.best((self.finished, ended.value)))
        if ended.end in (End.STOPPED, End.INTERRUPTED):
            return replace(self, unfinished=self.objective.best((self.unfinished, ended.value)))
        return self
