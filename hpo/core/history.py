"""The state of a search, computed from its events one by one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace

from hpo.core import events
from hpo.core.chain import ChainHead
from hpo.core.events import End
from hpo.core.json_values import fields_of
from hpo.core.objective import Objective
from hpo.core.record import Recorded
from hpo.core.training_state import RETRAINED, Key, Training

CONCLUDING = (events.ModelFixed, events.TestScored, events.TestRefused)
"""Events after which a recipe can be exported; what follows them does not change it."""

CodeState = tuple[Mapping[str, str], Mapping[str, str], Mapping[str, str]]
"""Digests of the files of training code and of a data source, and versions of packages."""

OfTraining = (
    events.Reported
    | events.Checkpointed
    | events.WorkerLost
    | events.TrialPaused
    | events.TrialTakenUp
    | events.TrialEnded
)
"""An event of a training that has started."""


@dataclass
class History:
    """Everything on record for one search, except the individual reports.

    Attributes:
        objective: The objective of its trainings.
        trainings: All trainings by (trial, replicate), in the order in which they started.
        epochs: Epochs trained by the search's own trials.
        trained: Seconds of training, over all workers and trainings.
        trained_epochs: Epochs of all trainings, including the finalists'.
        active: Seconds during which a process ran the search, over all its sessions.
        gpu_seconds: The same times the GPUs that its workers held.
        workers: Trainings at once in the latest session.
        session_at: Active seconds before the latest session.
        paced_at: Active seconds at its first report; NaN before that.
        paced_epochs: Trained epochs at that time.
        trained_at: Active seconds at the last report; NaN before the first.
        seq: Sequence number of the last event applied.
        link: The chain's link at that event; empty if it has none. See `hpo.core.chain`.
        chained_from: Sequence number of the first event with a link; 0 before that.
        concluded: Head of the chain when the model was fixed, or later when the test part was scored or
            stayed sealed; None before that.
        rescues: Every rescue of its ledger.
        code: Files of the user's own training code with their digests, as last accepted.
        source_code: The same of the user's own data source.
        versions: Versions of packages, as last accepted.
        code_changes: Every change of code or packages that the user accepted.
        put_back: Those of them that only put back what all trainings so far were made with.
        trained_with: What trainings were made with: code, code of the data source and versions, each as
            last accepted when a training began; without repeats.
        baselines: Simple models beside the model, by the part that they were scored on.
        within_test: What the opened test part holds; None while it is sealed.
        predictions: Every prediction of labelled rows of the test part.
        soups: Means of its trainings' weights that `hpo soup` wrote.
        pauses: How often trials were ``paused`` at rungs, and taken up again by cause.
        settings: What users changed while the search ran, by field.
        used_before: Other searches on the same validation rows, as last counted; None if that is not on
            record.
    """

    objective: Objective
    trainings: dict[Key, Training] = field(default_factory=dict)
    opened: events.SearchOpened | None = None
    opened_at: float = 0.0
    last_at: float = 0.0
    active: float = 0.0
    gpu_seconds: float = 0.0
    workers: int = 0
    gpus_held: float = 0.0
    extended: int = 0
    epochs: int = 0
    trained: float = 0.0
    trained_epochs: int = 0
    session_at: float = 0.0
    paced_at: float = math.nan
    paced_epochs: int = 0
    trained_at: float = math.nan
    finalists: events.FinalistsNamed | None = None
    winner: events.WinnerNamed | None = None
    model: events.ModelFixed | None = None
    claim: events.TestClaimed | None = None
    score: events.TestScored | None = None
    refused: events.TestRefused | None = None
    exported: events.RecipeExported | None = None
    ended: events.SearchEnded | None = None
    warnings: list[str] = field(default_factory=list)
    seq: int = 0
    link: str = ""
    chained_from: int = 0
    concluded: ChainHead | None = None
    rescues: tuple[events.LedgerRescued, ...] = ()
    code: Mapping[str, str] = field(default_factory=dict)
    source_code: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    code_changes: tuple[events.CodeChanged, ...] = ()
    put_back: tuple[events.CodeChanged, ...] = ()
    trained_with: tuple[CodeState, ...] = ()
    baselines: Mapping[str, events.BaselinesScored] = field(default_factory=dict)
    within_test: events.TestDescribed | None = None
    predictions: tuple[events.TestPredicted, ...] = ()
    soups: tuple[events.SoupMade, ...] = ()
    used_before: events.ValidationRowsUsed | None = None
    pauses: dict[str, int] = field(default_factory=dict)
    settings: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, recorded: Iterable[Recorded], objective: Objective) -> History:
        """Return the state after all events of a record."""
        history = cls(objective)
        for event in recorded:
            history.apply(event)
        return history

    def copy(self) -> History:
        """Return a state of its own, which later events do not change."""
        trainings = {key: copy(training) for key, training in self.trainings.items()}
        warnings, pauses, settings = [*self.warnings], dict(self.pauses), dict(self.settings)
        return replace(self, trainings=trainings, warnings=warnings, pauses=pauses, settings=settings)

    def apply(self, recorded: Recorded) -> None:
        """Apply one event."""
        if not isinstance(recorded.event, events.BY_ANOTHER_PROCESS):
            if self.seq and not isinstance(recorded.event, events.SearchResumed):
                passed = max(0.0, recorded.time - self.last_at)
                self.active += passed
                self.gpu_seconds += passed * self.gpus_held
            self.last_at = recorded.time
        self._advance(recorded)
        match recorded.event:
            case events.Reported() as report:
                self._report(report)
            case events.TrialStarted() as started:
                self._start(started)
            case events.Checkpointed() as checkpoint:
                self._training_of(checkpoint).checkpoint(checkpoint)
            case events.WorkerLost() as loss:
                self._training_of(loss).lose_worker(loss)
            case events.TrialPaused() | events.TrialTakenUp() as turn:
                self._pause(turn)
            case events.TrialEnded() as ended:
                self._training_of(ended).finish(ended)
            case events.SearchOpened() as opened:
                self.opened, self.opened_at = opened, recorded.time
                self.code, self.source_code, self.versions = (
                    opened.code,
                    opened.source_code,
                    opened.versions,
                )
            case events.SearchExtended() | events.TrialsRetried() | events.SearchResumed() as again:
                self._continue(again)
            case events.SettingChanged(field=setting, value=value):
                self.settings[setting] = value
            case events.WorkersReady(workers=workers, gpus=gpus):
                self.workers, self.gpus_held = workers, workers * gpus
            case events.FinalistsNamed() as finalists:
                self.finalists = finalists
            case events.WinnerNamed() as winner:
                self._require_trial(winner.trial)
                self.winner = winner
            case events.ModelFixed() as model:
                self.model = model
            case events.TestClaimed() as claim:
                self.claim = claim
            case events.TestScored() as score:
                self.score, self.refused = score, None
            case events.TestRefused() as refused:
                self.refused = refused
            case events.RecipeExported() as exported:
                self.exported = exported
            case events.SearchEnded() as over:
                self.ended = over
            case events.Warned(message=message):
                self.warnings.append(message)

    def _require_trial(self, trial: int) -> None:
        if (trial, 0) not in self.trainings:
            raise KeyError(f"there is no trial {trial}")

    def _advance(self, recorded: Recorded) -> None:
        """Move to the event's position in the record and its chain."""
        self.seq, self.link = recorded.seq, recorded.link
        if self.link and not self.chained_from:
            self.chained_from = self.seq
        if isinstance(recorded.event, CONCLUDING):
            self.concluded = self.head
        if isinstance(recorded.event, events.LedgerRescued):
            self.rescues = (*self.rescues, recorded.event)
        if isinstance(recorded.event, events.ValidationRowsUsed):
            self.used_before = recorded.event
        if isinstance(recorded.event, events.SoupMade):
            self.soups = (*self.soups, recorded.event)
        if isinstance(recorded.event, events.TestPredicted):
            self.predictions = (*self.predictions, recorded.event)
        if isinstance(recorded.event, events.CodeChanged):
            self._accept(recorded.event)
        if isinstance(recorded.event, events.BaselinesScored):
            self.baselines = {**self.baselines, recorded.event.part: recorded.event}
        if isinstance(recorded.event, events.TestDescribed):
            self.within_test = recorded.event

    @property
    def code_state(self) -> CodeState:
        """Code, code of the data source and versions as last accepted."""
        return self.code, self.source_code, self.versions

    def _accept(self, change: events.CodeChanged) -> None:
        self.code, self.code_changes = change.code, (*self.code_changes, change)
        self.source_code = change.source_code or self.source_code
        self.versions = change.versions or self.versions
        if self.trained_with == (self.code_state,):
            self.put_back = (*self.put_back, change)

    def _continue(self, again: events.SearchExtended | events.TrialsRetried | events.SearchResumed) -> None:
        if not isinstance(again, events.SearchResumed):
            trials = again.trials
            self.extended += len(trials) if isinstance(trials, tuple) else trials
            self.finalists = self.winner = self.model = self.ended = self.concluded = None
            self.baselines = {}
        else:
            self.ended, self.gpus_held = None, 0.0
            self.session_at, self.paced_at = self.active, math.nan

    def _start(self, started: events.TrialStarted) -> None:
        if self.code_state not in self.trained_with:
            self.trained_with = (*self.trained_with, self.code_state)
        training = self.trainings.get((started.trial, started.replicate))
        if training:
            training.start_again(started)
        else:
            training = Training(**fields_of(started))
            self.trainings[training.key] = training

    def _training_of(self, event: OfTraining) -> Training:
        return self.trainings[event.trial, event.replicate]

    def _pause(self, turn: events.TrialPaused | events.TrialTakenUp) -> None:
        paused = isinstance(turn, events.TrialPaused)
        self._training_of(turn).paused = turn.cause if paused else None
        if turn.cause is events.PauseCause.SHARE:
            return
        kind = "paused" if paused else turn.cause.value
        self.pauses[kind] = self.pauses.get(kind, 0) + 1

    def _report(self, report: events.Reported) -> None:
        training = self._training_of(report)
        if report.replicate == 0:
            self.epochs += max(0, report.epoch - training.epoch)
        training.report(report, self.objective)
        self.trained += report.seconds
        self.trained_epochs += 1
        self.trained_at = self.active
        if math.isnan(self.paced_at) or self.paced_at == self.active:  # the first reports come together
            self.paced_at, self.paced_epochs = self.active, self.trained_epochs

    @property
    def head(self) -> ChainHead | None:
        """Head of the chain; None if the last event has no link."""
        return ChainHead(self.seq, self.link) if self.link else None

    @property
    def trials(self) -> list[Training]:
        """The search's own trials, ordered by number."""
        return [t for t in self.trainings.values() if t.replicate == 0]

    def replicates(self, trial: int) -> list[Training]:
        """Return a finalist's trainings on fresh seeds, ordered by replicate."""
        return [
            training
            for (number, replicate), training in self.trainings.items()
            if number == trial and replicate and training.origin != RETRAINED
        ]

    def count(self, end: End | None) -> int:
        """Return the number of trials with an end; None counts those still running."""
        return sum(training.end == end for training in self.trials)

    @property
    def paused(self) -> list[Training]:
        """The trials that are paused, ordered by number."""
        return [training for training in self.trials if training.paused]

    @property
    def best(self) -> Training | None:
        """The trial with the best value so far, of those that satisfy the constraints.

        Fully trained trials come before all others.
        """
        for ends in ((End.FINISHED,), (None, End.STOPPED, End.INTERRUPTED)):
            ended = (t for t in self.trials if t.end in ends)
            candidates = [t for t in ended if math.isfinite(t.value) and self.feasible(t)]
            if candidates:
                return max(candidates, key=lambda t: (self.objective.rising(t.value), -t.trial))
        return None

    def feasible(self, training: Training) -> bool:
        """Return whether a training satisfies the constraints at the epoch that counts."""
        if training.cause is events.Cause.CONSTRAINT:
            return False
        return self.objective.feasible(training.at_counted, trained=training.end is End.FINISHED)

    @property
    def over(self) -> bool:
        """Whether there is a winner, or there cannot be one."""
        without_finalists = self.finalists is not None and not self.finalists.trials
        return without_finalists or self.winner is not None

    @property
    def status(self) -> str:
        """How the search process ended; ``running`` before that."""
        return self.ended.status if self.ended else "running"
