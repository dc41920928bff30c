"""Turns the ledger's events into what MLflow shows: pure, and the same at every replay.

A search is a parent run; below it is a run per trial and one per finalist's training on a fresh
seed. All trials show the same parameter names, ``n/a`` where one does not exist under the other
choices: MLflow's parallel coordinates drop a run that lacks a value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from hpo.core import events
from hpo.core.constraints import constraints_of
from hpo.core.constraints_kept import constraints_kept
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.history import History
from hpo.core.home import SearchFolder
from hpo.core.objective import Objective
from hpo.core.record import Recorded
from hpo.core.training_state import Key, Training
from hpo.tracking.logged_dataset import dataset_of
from hpo.tracking.mlflow_values import ABSENT, LONGEST_TAG, MetricKeys, clean, cut, params, pretty
from hpo.tracking.run_changes import PARENT, Measurement, RunChange, Status
from hpo.tracking.search_note import search_note
from hpo.tracking.training_runs import TrainingRuns

SEARCH_STATUS = {"done": Status.FINISHED, "stopped": Status.KILLED}


class RunProjection:
    """One search as MLflow shows it.

    Args:
        name: Name of the search.
        parameters: Every name that a trial's parameters can have, as the space spells them.
        objective: Objective used to rank the trials.
        folder: Folder of the search, with the finalists' weights and the exported recipe.
        user: Shown as the runs' user.
    """

    def __init__(
        self,
        name: str,
        parameters: Sequence[str],
        objective: Objective,
        folder: SearchFolder,
        user: str = "",
    ):
        self.name, self.parameters = name, tuple(parameters)
        self.objective, self.folder, self.user = objective, folder, user
        self.history = History(objective)
        self._tags = {"mlflow.user": user, "mlflow.source.name": "hpo", "mlflow.source.type": "LOCAL"}
        self._metric_keys = MetricKeys()
        self._winner: Key | None = None
        self._winner_tags: dict[str, str] = {}
        self._changes: dict[str, RunChange] = {}
        self._trainings = TrainingRuns(name, parameters, self._tags, self._metric_keys, self._changes)

    def fresh(self) -> RunProjection:
        """Return a projection of the same search before its first event."""
        return RunProjection(self.name, self.parameters, self.objective, self.folder, self.user)

    def changes(self, batch: Iterable[Recorded]) -> list[RunChange]:
        """Apply events and return what they change, the parent first."""
        self._changes.clear()
        for recorded in batch:
            self.history.apply(recorded)
            self._apply(recorded.event, int(recorded.time * 1000))
        return sorted(self._changes.values(), key=lambda change: change.run != PARENT)

    def with_files(self, files: Iterable[Path]) -> RunChange:
        """Return the parent's change that adds files to it."""
        self._changes.clear()
        parent = self._parent()
        parent.files |= {file.name: file for file in files}
        return parent

    @property
    def runs(self) -> set[str]:
        """Names of all runs that should exist, within the search."""
        return {PARENT, *self._trainings.names} if self.history.opened else set()

    def _apply(self, event: events.Event, time: int) -> None:
        match event:
            case events.SearchOpened():
                self._opened(event, time)
            case events.SearchResumed() | events.SearchExtended() | events.TrialsRetried():
                parent = self._parent()
                parent.status, parent.tags["state"] = Status.RUNNING, "running"
            case events.TrialStarted():
                self._trainings.started(event, time)
            case events.Reported():
                self._trainings.reported(event, time)
            case events.TrialPaused() | events.TrialTakenUp():
                self._trainings.pause_changed(event)
            case events.TrialEnded():
                self._trainings.ended(event, time)
            case events.FinalistsNamed(trials=trials):
                self._parent().tags["finalists"] = ", ".join(map(str, trials))
            case events.WinnerNamed():
                self._winner_named(event, time)
            case events.ModelFixed():
                self._model_fixed(event)
            case events.TestScored():
                self._test_scored(event, time)
            case events.TestPredicted(look=look):
                self._parent().tags["test.predicted"] = str(look)
            case events.TestRefused(message=message):
                self._parent().tags["test.refused"] = cut(message, LONGEST_TAG)
            case events.RecipeExported():
                if self.folder.recipe.is_file():
                    self._parent().files["recipe.yaml"] = self.folder.recipe
            case events.Warned(message=message):
                self._parent().tags["warning"] = cut(message, LONGEST_TAG)
            case events.SearchEnded():
                self._ended(event, time)

    def _chained(self, parent: RunChange) -> None:
        """Tag the parent with the head of the ledger's chain, so that a later edit of it can be found."""
        head = self.history.head
        if head is not None:
            parent.tags |= {"chain.events": str(head.events), "chain.head": head.digest}

    def _parent(self) -> RunChange:
        start = int(self.history.opened_at * 1000)
        return self._changes.setdefault(PARENT, RunChange(PARENT, self.name, start))

    def _opened(self, event: events.SearchOpened, time: int) -> None:
        self._trainings.fresh = FreshSeeds.of(event.spec)
        self._trainings.dataset = dataset_of(event)
        parent = self._parent()
        parent.dataset = self._trainings.dataset
        parent.status = Status.RUNNING
        tags = {
            "kind": "search",
            "search": self.name,
            "state": "running",
            "spec.digest": event.digest,
            "split.fingerprint": str(event.split.get("fingerprint", "")),
            "searched": ", ".join(self.parameters),
            **{f"version.{library}": version for library, version in event.versions.items()},
        }
        if constraints := constraints_of(event.spec):
            tags["constraints"] = "; ".join(constraint.text for constraint in constraints)
        parent.tags |= clean({**event.tags, **tags, **self._tags})
        parent.files["spec.json"] = pretty(event.spec)
        if self.folder.submitted.is_file():
            parent.files["spec.yaml"] = self.folder.submitted
        parent.files["split.json"] = pretty(event.split)

    def _winner_named(self, event: events.WinnerNamed, time: int) -> None:
        key = event.trial, event.replicate
        if self._winner is not None and self._winner != key:
            self._trainings.mark_winner(self._winner, "no longer")
        self._winner = key
        self._trainings.mark_winner(key, "yes")
        parent, training = self._parent(), self.history.trainings[key]
        metric = self.objective.metric
        parent.tags |= {"winner": f"trial {event.trial}", "winner.reason": cut(event.reason, LONGEST_TAG)}
        if len(event.tied) > 1:
            parent.tags["winner.tied_with"] = ", ".join(str(t) for t in event.tied if t != event.trial)
        if event.saved:
            parent.tags["finalists.trainings_saved"] = str(event.saved)
        for name, value in ((f"winner/{metric}_mean", event.mean), (f"winner/{metric}_std", event.std)):
            if math.isfinite(value):
                parent.metrics.append(Measurement(self._metric_keys.of(name), value, 0, time))
        if kept := constraints_kept(self.history):
            parent.tags["winner.constraints"] = cut(kept.text, LONGEST_TAG)
        parent.tags |= clean(self._winning_values(training))
        parent.files["recipe.json"] = pretty(training.recipe)
        self._keep_weights(parent, training)
        parent.tags["mlflow.note.content"] = search_note(self.history)

    def _winning_values(self, training: Training) -> dict[str, str]:
        """Return the winner's searched choices as tags, which a later winner replaces, unlike parameters."""
        earlier = dict.fromkeys(self._winner_tags, ABSENT)
        self._winner_tags = {f"winner.{key}": value for key, value in params(training.point, {}, ()).items()}
        return earlier | self._winner_tags

    def _model_fixed(self, event: events.ModelFixed) -> None:
        parent = self._parent()
        tags = {"model": event.kind, "model.digest": event.digest, "model.reason": event.reason}
        parent.tags |= clean(tags)
        for number, member in enumerate(event.members, 1):
            file = self.folder.weights / Path(str(member["file"])).name
            if event.kind != "best" and file.is_file():
                parent.files[f"model-{number}.safetensors"] = file

    def _keep_weights(self, parent: RunChange, training: Training) -> None:
        # Only the name counts: the file is never outside the folder, whatever the ledger says.
        file = self.folder.weights / Path(training.weights).name
        if training.weights and file.is_file():
            parent.files["winner.safetensors"] = file
            parent.tags["winner.weights"] = training.sha256

    def _test_scored(self, event: events.TestScored, time: int) -> None:
        parent = self._parent()
        for metric, interval in event.scores.items():
            for name, value in interval.items():
                label = f"test/{metric}" if name == "value" else f"test/{metric}_{name}"
                if math.isfinite(value):
                    parent.metrics.append(Measurement(self._metric_keys.of(label), float(value), 0, time))
        parent.tags |= {"test.examples": str(event.n), "test.fingerprint": event.fingerprint}
        if event.look > 1:
            parent.tags |= {"test.look": str(event.look), "test.reason": cut(event.reason, LONGEST_TAG)}
        self._chained(parent)
        if event.practice:
            parent.tags["test.practice"] = "yes: shipped practice data, no scientific claim"
        parent.tags["mlflow.note.content"] = search_note(self.history)

    def _ended(self, event: events.SearchEnded, time: int) -> None:
        parent = self._parent()
        parent.status = SEARCH_STATUS.get(event.status, Status.FAILED)
        parent.end, parent.tags["state"] = max(time, parent.start), event.status.replace("_", " ")
        self._chained(parent)
        for file in (self.folder.account, self.folder.account.with_suffix(".json"), self.folder.report):
            if file.is_file():
                parent.files[file.name] = file
        if event.reason:
            parent.tags["reason"] = cut(event.reason, LONGEST_TAG)
        for key, training in self.history.trainings.items():
            if training.end is None:
                self._trainings.cut_short(key, training.paused is not None, time)
