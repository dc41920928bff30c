"""The runs of a search's trainings in MLflow: one per trial, and one per training on a fresh seed."""

from __future__ import annotations

import math
from collections.abc import Sequence

from hpo.core import events
from hpo.core.events import End
from hpo.core.fresh_seeds import FreshSeeds
from hpo.core.training_state import Key
from hpo.tracking.mlflow_values import ABSENT, LONGEST_TAG, MetricKeys, clean, cut, keys_of, params, settings
from hpo.tracking.run_changes import LoggedDataset, Measurement, RunChange, Status
from hpo.tracking.run_names import run_name
from hpo.tracking.search_note import searched_note

STATUS = {
    End.FINISHED: Status.FINISHED,
    End.STOPPED: Status.FINISHED,  # as planned; MLflow marks KILLED with the same cross as FAILED
    End.FAILED: Status.FAILED,
    End.INTERRUPTED: Status.KILLED,
}


class TrainingRuns:
    """The runs of a search's trainings.

    Args:
        search: Name of the search.
        parameters: Every name that a trial's parameters can have, as the space spells them.
        tags: Tags of every run.
        metric_keys: Keys of the search's metrics.
        changes: Changes of the search's runs by name, to which these runs add theirs.
    """

    def __init__(
        self,
        search: str,
        parameters: Sequence[str],
        tags: dict[str, str],
        metric_keys: MetricKeys,
        changes: dict[str, RunChange],
    ):
        self._search, self._tags = search, tags
        self._metric_keys, self._changes = metric_keys, changes
        self._shown = tuple(parameters)
        self._started: dict[Key, int] = {}
        self._epochs: dict[Key, int] = {}
        self.fresh = FreshSeeds()
        self.dataset: LoggedDataset | None = None

    @property
    def names(self) -> set[str]:
        """Names of the runs of all trainings that have started."""
        return set(map(run_name, self._started))

    def change(self, key: Key) -> RunChange:
        """Return the pending change of a training's run."""
        run = run_name(key)
        title = f"finalist {key[0]} {self.fresh.title(key[1])}" if key[1] else f"trial {key[0]}"
        return self._changes.setdefault(run, RunChange(run, title, self._started[key]))

    def started(self, event: events.TrialStarted, time: int) -> None:
        """Show a training that started, or started again."""
        key = event.trial, event.replicate
        self._started.setdefault(key, time)
        child = self.change(key)
        child.status, child.dataset = Status.RUNNING, self.dataset
        tags = {
            "kind": "finalist" if event.replicate else "trial",
            "search": self._search,
            "trial": str(event.trial),
            "replicate": str(event.replicate),
            "origin": event.origin,
            "seed": str(event.seed),
            "state": "running",
        }
        if event.replicate:
            tags["fresh"], tags["split"] = self.fresh.title(event.replicate), event.split
        child.tags |= clean({**tags, **self._tags})
        child.tags["mlflow.note.content"] = searched_note(event.point)
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
                    self.change(key).params.setdefault(keys[name], ABSENT)

    def reported(self, event: events.Reported, time: int) -> None:
        """Show an epoch's metrics."""
        key = event.trial, event.replicate
        # After a crash a training resumes from its checkpoint and repeats some epochs.
        if event.epoch <= self._epochs.get(key, 0):
            return
        self._epochs[key] = event.epoch
        child = self.change(key)
        if child.status is None:
            child.status, child.tags["state"] = Status.RUNNING, "running"
        for metric, value in event.metrics.items():
            if math.isfinite(value):
                child.metrics.append(Measurement(self._metric_key(metric), float(value), event.epoch, time))
            else:
                child.tags["non-finite"] = cut(f"{metric} is {value} at epoch {event.epoch}", LONGEST_TAG)

    def _metric_key(self, metric: str) -> str:
        """Return the key of a reported metric, which is not that of a parameter such as the learning rate."""
        return self._metric_keys.of(f"train/{metric}" if metric in self._shown else metric)

    def pause_changed(self, event: events.TrialPaused | events.TrialTakenUp) -> None:
        """Show that a trial was paused, or taken up again, and why."""
        paused = isinstance(event, events.TrialPaused)
        child = self.change((event.trial, event.replicate))
        child.tags["state"] = "paused" if paused else "running"
        child.tags["paused" if paused else "taken_up"] = event.cause.value

    def ended(self, event: events.TrialEnded, time: int) -> None:
        """Show how a training ended."""
        child = self.change((event.trial, event.replicate))
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
                child.metrics.append(Measurement(self._metric_keys.of(name), float(value), event.epoch, time))

    def mark_winner(self, key: Key, mark: str) -> None:
        """Tag a trial and its training on a fresh seed, whose weights may be the model."""
        for run in {key, (key[0], 0)} & self._started.keys():
            self.change(run).tags["winner"] = mark

    def cut_short(self, key: Key, paused: bool, time: int) -> None:
        """Show that the search ended before the training did."""
        child = self.change(key)
        child.status, child.end = Status.KILLED, max(time, child.start)
        child.tags["state"] = "paused" if paused else "interrupted"
