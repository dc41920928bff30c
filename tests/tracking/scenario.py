"""A small search as a ledger would hold it, with every kind of end."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

from hpo.core import events
from hpo.core.events import Cause, End, Event
from hpo.core.home import Home, SearchFolder
from hpo.core.objective import Objective
from hpo.ledger.in_memory import MemoryLedger
from hpo.tracking.projection import RunProjection

PARAMETERS = ("learning_rate", "optimizer", "optimizer.momentum", "augment.cutout")
OBJECTIVE = Objective("accuracy")
NAME = "digits-1"


def memory_ledger(story: Sequence[Event] = ()) -> MemoryLedger:
    """Return a ledger in memory, with a second between events."""
    ledger = MemoryLedger(clock=count(1_790_000_001.25).__next__)
    for event in story:
        ledger.append([event])
    return ledger


def opened(**changes: object) -> events.SearchOpened:
    fields = {
        "spec": {"name": "digits", "data": {"source": "digits"}, "recipe": {"batch_size": 64}},
        "digest": "d" * 64,
        "split": {"fingerprint": "f" * 64, "data": "e" * 64, "counts": {"train": 1000, "validation": 300}},
        "versions": {"torch": "2.13", "python": "3.11"},
        "tags": {"team": "vision"},
    }
    return events.SearchOpened(**{**fields, **changes})  # type: ignore[arg-type]


def started(trial: int, replicate: int = 0) -> events.TrialStarted:
    adam = trial % 2 == 1
    optimizer = {"name": "adam"} if adam else {"name": "sgd", "momentum": 0.9}
    point = {"learning_rate": 0.001 * (trial + 1), "optimizer": optimizer["name"], "augment.cutout": adam}
    point |= {} if adam else {"optimizer.momentum": 0.9}
    recipe = {"learning_rate": point["learning_rate"], "optimizer": optimizer, "batch_size": 64}
    return events.TrialStarted(trial, replicate, point, recipe, 1000 + trial, "sampler")


def reported(trial: int, epoch: int, value: float, replicate: int = 0) -> events.Reported:
    metrics = {"validation/accuracy": value, "validation/loss": 1 - value, "train/loss": 0.9 - value}
    metrics |= {"learning_rate": 0.001 / epoch}
    return events.Reported(trial, replicate, epoch, metrics, 0.1)


def ended(trial: int, end: End, epoch: int, value: float, **more: object) -> events.TrialEnded:
    return events.TrialEnded(trial, more.pop("replicate", 0), end, epoch, value, **more)  # type: ignore[arg-type]


def search(folder: SearchFolder) -> list[Event]:
    """Finished, stopped and diverged trials, one reported twice, finalists, winner and test."""
    folder.weights.mkdir(parents=True, exist_ok=True)
    (folder.weights / "0-1.safetensors").write_bytes(b"weights of the winner")
    folder.recipe.write_text("optimizer: sgd\n")
    story: list[Event] = [opened()]
    for trial in range(3):
        story.append(started(trial))
    for epoch in (1, 2, 3):
        story.append(reported(0, epoch, 0.5 + 0.1 * epoch))
    story += [ended(0, End.FINISHED, 3, 0.8, weights="0-0.safetensors", sha256="a" * 64)]
    story += [reported(1, 1, 0.3), events.Checkpointed(1, 0, 1, "1-0-1", "c" * 64), reported(1, 2, 0.35)]
    story += [events.SearchResumed({"torch": "2.13"}), reported(1, 2, 0.35)]
    story += [ended(1, End.STOPPED, 2, 0.35)]
    story += [reported(2, 1, 0.2), reported(2, 2, float("nan"))]
    story += [ended(2, End.FAILED, 2, 0.2, cause=Cause.DIVERGED, message="validation/accuracy is nan")]
    story += [events.FinalistsNamed((0,))]
    for replicate in (1, 2):
        story.append(started(0, replicate))
        story += [reported(0, epoch, 0.5 + 0.1 * epoch, replicate) for epoch in (1, 2, 3)]
        weights = f"0-{replicate}.safetensors"
        story.append(ended(0, End.FINISHED, 3, 0.8, replicate=replicate, weights=weights, sha256="b" * 64))
    story += [events.WinnerNamed(0, 1, 0.8, 0.01, 2, "best mean")]
    story += [events.TestClaimed(0, 1, "b" * 64, "here"), events.Warned("something odd")]
    story += [
        events.TestScored({"accuracy": {"value": 0.79, "low": 0.75, "high": 0.83}}, 360, "t" * 64, True)
    ]
    story += [events.RecipeExported(str(folder.recipe), "e" * 64), events.SearchEnded("done", "budget spent")]
    return story


def projection(home: Home, name: str = NAME) -> RunProjection:
    return RunProjection(name, PARAMETERS, OBJECTIVE, home.search(name), user="someone")
