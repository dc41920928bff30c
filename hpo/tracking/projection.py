"""Turns the ledger's events into what MLflow shows: pure, and the same at every replay.

A search is a parent run; below it is a run per trial and one per finalist's training on a fresh
seed. All trials show the same parameter names, ``n/a`` where one does not exist under the other
choices: MLflow's parallel coordinates drop a run that lacks a value.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from hpo.core import events
from hpo.core.constraints import constraints_of
from hpo.core.constraints_kept import constraints_kept
from hpo.core.estimates import intervals_of
from hpo.core.events import End
from hpo.core.formatting import count, interval_text, score, spread
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.history import History
from hpo.core.home import SearchFolder
from hpo.core.objective import Objective
from hpo.core.record import Recorded
from hpo.core.training import Key, Training
from hpo.core.visible_text import markdown
from hpo.tracking.mlflow_values import (
    ABSENT,
    LONGEST_TAG,
    clean,
    cut,
    keys_of,
    next_key,
    params,
    pretty,
    settings,
)
from hpo.tracking.run_changes import PARENT, Measurement, RunChange, Status

STATUS = {
    End.FINISHED: Status.FINISHED,
    End.STOPPED: Status.FINISHED,  # as planned; MLflow marks KILLED with the same cross as FAILED
    End.FAILED: Status.FAILED,
    End.INTERRUPTED: Status.KILLED,
}
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
        self.name, self.parameters, self.objective, self.folder, self.user = (
            name,
            tuple(parameters),
            objective,
            folder,
            user,
        )
        self.history = History(objective)
        self._fresh = FreshSeeds()
        self._shown = tuple(parameters)
        self._metric_keys: dict[str, str] = {}
        self._started: dict[Key, int] = {}
        self._epochs: dict[Key, int] = {}
        self._winner: Key | None = None
        self._changes: dict[str, RunChange] = {}

    def fresh(self) -> RunProjection:
        """Return a projection of the same search before its first event."""
        return RunProjection(self.name, self.parameters, self.objective, self.folder, self.user)

    def changes(self, batch: Iterable[Recorded]) -> list[RunChange]:
        """Apply events and return what they change, the parent first."""
        self._changes = {}
        for recorded in batch:
            self.history.apply(recorded)
            self._apply(recorded.event, int(recorded.time * 1000))
        return sorted(self._changes.values(), key=lambda change: change.run != PARENT)

    def with_files(self, files: Iterable[Path]) -> RunChange:
        """Return the parent's change that adds files to it."""
        self._changes = {}
        parent = self._parent()
        parent.files |= {file.name: file for file in files}
        return parent

    @property
    def runs(self) -> set[str]:
        """Names of all runs that should exist, within the search."""
        return {PARENT, *map(run_name, self._started)} if self.history.opened else set()

    def _apply(self, event: events.Event, time: int) -> None:
        match event:
            case events.SearchOpened():
                self._opened(event, time)
            case events.SearchResumed() | events.SearchExtended() | events.TrialsRetried():
                parent = self._parent()
                parent.status, parent.tags["state"] = Status.RUNNING, "running"
            case events.TrialStarted():
                self._trial_started(event, time)
            case events.Reported():
                self._reported(event, time)
            case events.TrialPaused() | events.TrialTakenUp():
                paused = isinstance(event, events.TrialPaused)
                child = self._child((event.trial, event.replicate))
                child.tags["state"] = "paused" if paused else "running"
                child.tags["paused" if paused else "taken_up"] = event.cause.value
            case events.TrialEnded():
                self._trial_ended(event, time)
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

    def _child(self, key: Key) -> RunChange:
        run = run_name(key)
        title = f"finalist {key[0]} {self._fresh.title(key[1])}" if key[1] else f"trial {key[0]}"
        return self._changes.setdefault(run, RunChange(run, title, self._started[key]))

    def _opened(self, event: events.SearchOpened, time: int) -> None:
        self._fresh = FreshSeeds.of(event.spec)
        parent = self._parent()
        parent.status = Status.RUNNING
        tags = {
            "kind": "search",
            "search": self.name,
            "state": "running",
            "spec.digest": event.digest,
            "split.fingerprint": str(event.split.get("fingerprint", "")),
            **{f"version.{library}": version for library, version in event.versions.items()},
        }
        if constraints := constraints_of(event.spec):
            tags["constraints"] = "; ".join(constraint.text for constraint in constraints)
        parent.tags |= clean({**event.tags, **tags, **self._source()})
        parent.files["spec.json"] = pretty(event.spec)
        parent.files["split.json"] = pretty(event.split)

    def _source(self) -> dict[str, str]:
        return {"mlflow.user": self.user, "mlflow.source.name": "hpo", "mlflow.source.type": "LOCAL"}

    def _trial_started(self, event: events.TrialStarted, time: int) -> None:
        key = event.trial, event.replicate
        self._started.setdefault(key, time)
        child = self._child(key)
        child.status = Status.RUNNING
        tags = {
            "kind": "finalist" if event.replicate else "trial",
            "search": self.name,
            "trial": str(event.trial),
            "replicate": str(event.replicate),
            "origin": event.origin,
            "seed": str(event.seed),
            "state": "running",
        }
        if event.replicate:
            tags["fresh"], tags["split"] = self._fresh.title(event.replicate), event.split
        child.tags |= clean({**tags, **self._source()})
        child.params |= params(event.point, event.recipe, self._shown)
        chosen = settings(event.point, event.recipe)
        self._fill_missing([name for name in chosen if name not in self._shown])

    def _fill_missing(self, names: Sequence[str]) -> None:
        """Set parameters that first appear in a later recipe to ``n/a`` in the earlier runs."""
        if names:
            self._shown += tuple(names)
            keys = keys_of(self._shown)
            for key in self._started:
                for name in names:
                    self._child(key).params.setdefault(keys[name], ABSENT)

    def _key(self, metric: str) -> str:
        """Return the key of a metric, which no other metric of the search has."""
        if metric not in self._metric_keys:
            self._metric_keys[metric] = next_key(metric, self._metric_keys)
        return self._metric_keys[metric]

    def _reported(self, event: events.Reported, time: int) -> None:
        key = event.trial, event.replicate
        # After a crash a training resumes from its checkpoint and repeats some epochs.
        if event.epoch <= self._epochs.get(key, 0):
            return
        self._epochs[key] = event.epoch
        child = self._child(key)
        if child.status is None:
            child.status, child.tags["state"] = Status.RUNNING, "running"
        for metric, value in event.metrics.items():
            if math.isfinite(value):
                child.metrics.append(Measurement(self._key(metric), float(value), event.epoch, time))
            else:
                child.tags["non-finite"] = cut(f"{metric} is {value} at epoch {event.epoch}", LONGEST_TAG)

    def _trial_ended(self, event: events.TrialEnded, time: int) -> None:
        child = self._child((event.trial, event.replicate))
        child.status, child.end = STATUS[event.end], max(time, child.start)
        child.tags["state"] = "stopped early" if event.end is End.STOPPED else event.end.value
        if event.cause:
            child.tags["cause"] = event.cause.value
        if event.message:
            child.tags["message"] = cut(event.message, LONGEST_TAG)
        if event.end is not End.FAILED and math.isfinite(event.value):
            child.metrics.append(Measurement("objective", event.value, event.epoch, time))
        for name, value in event.scores.items():
            if math.isfinite(value):
                child.metrics.append(Measurement(self._key(name), float(value), event.epoch, time))

    def _winner_named(self, event: events.WinnerNamed, time: int) -> None:
        key = event.trial, event.replicate
        if self._winner is not None and self._winner != key:
            self._mark_winner(self._winner, "no longer")
        self._winner = key
        self._mark_winner(key, "yes")
        parent, training = self._parent(), self.history.trainings[key]
        metric = self.objective.metric
        parent.tags |= {"winner": f"trial {event.trial}", "winner.reason": cut(event.reason, LONGEST_TAG)}
        if len(event.tied) > 1:
            parent.tags["winner.tied_with"] = ", ".join(str(t) for t in event.tied if t != event.trial)
        if event.saved:
            parent.tags["finalists.trainings_saved"] = str(event.saved)
        for name, value in ((f"winner/{metric}_mean", event.mean), (f"winner/{metric}_std", event.std)):
            if math.isfinite(value):
                parent.metrics.append(Measurement(self._key(name), value, 0, time))
        if kept := constraints_kept(self.history):
            parent.tags["winner.constraints"] = cut(kept.text, LONGEST_TAG)
        parent.files["recipe.json"] = pretty(training.recipe)
        self._keep_weights(parent, training)
        parent.tags["mlflow.note.content"] = self._note()

    def _mark_winner(self, key: Key, mark: str) -> None:
        """Tag a trial and its training on a fresh seed, whose weights may be the model."""
        for run in {key, (key[0], 0)} & self._started.keys():
            self._child(run).tags["winner"] = mark

    def _model_fixed(self, event: events.ModelFixed) -> None:
        parent = self._parent()
        tags = {"model": event.kind, "model.digest": event.digest, "model.reason": event.reason}
        parent.tags |= clean(tags)
        for number, member in enumerate(event.members, 1):
            file = self.folder.weights / Path(str(member["file"])).name
            if event.kind != "best" and file.is_file():
                parent.files[f"model-{number}.safetensors"] = file

    def _keep_weights(self, parent: RunChange, training: Training) -> None:
        file = (
            self.folder.weights / Path(training.weights).name
        )  # never outside the folder, whatever the ledger says
        if training.weights and file.is_file():
            parent.files["winner.safetensors"] = file
            parent.tags["winner.weights"] = training.sha256

    def _test_scored(self, event: events.TestScored, time: int) -> None:
        parent = self._parent()
        for metric, interval in event.scores.items():
            for name, value in interval.items():
                label = f"test/{metric}" if name == "value" else f"test/{metric}_{name}"
                if math.isfinite(value):
                    parent.metrics.append(Measurement(self._key(label), float(value), 0, time))
        parent.tags |= {"test.examples": str(event.n), "test.fingerprint": event.fingerprint}
        if event.look > 1:
            parent.tags |= {"test.look": str(event.look), "test.reason": cut(event.reason, LONGEST_TAG)}
        self._chained(parent)
        if event.practice:
            parent.tags["test.practice"] = "yes: shipped practice data, no scientific claim"
        parent.tags["mlflow.note.content"] = self._note()

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
                child = self._child(key)
                child.status, child.end = Status.KILLED, max(time, child.start)
                child.tags["state"] = "paused" if training.paused else "interrupted"

    def _note(self) -> str:
        """Return the parent run's description, in Markdown."""
        winner, scored, metric = self.history.winner, self.history.score, markdown(self.objective.metric)
        lines = []
        if winner:
            value = spread(winner.mean, winner.std)
            seeds = count(winner.n, "fresh seed")
            lines.append(f"**Winner: trial {winner.trial}.** Validation {metric} {value} ({seeds}).")
            lines.append(markdown(winner.reason))
        if scored:
            for name, result in intervals_of(scored.scores).items():
                bounds = f", {ends}" if (ends := interval_text(result)) else ""
                examples = count(scored.n, "example")
                lines.append(f"Test {markdown(name)} **{score(result.value)}**{bounds} ({examples}).")
        return cut("\n\n".join(line for line in lines if line), LONGEST_TAG)


def run_name(key: Key) -> str:
    """Return a training's name within its search."""
    return f"{key[0]}/{key[1]}"


def search_id(name: str, opened: Recorded) -> str:
    """Return an id that is unique to a search, even where several homes share a tracking server."""
    if not isinstance(opened.event, events.SearchOpened):
        raise ValueError("the first event of a search must be SearchOpened")
    text = f"{name} {opened.event.digest} {opened.time!r}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
