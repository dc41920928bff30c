"""Records of small searches, event by event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hpo.core import events
from hpo.core.events import Cause, End, Event
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.record import Recorded

SPEC: dict[str, Any] = {
    "name": "digits",
    "scheduler": {"name": "asha", "first_rung": 3, "reduction_factor": 3, "max_epochs": 9},
    "budget": {"trials": 4, "epochs": 100, "hours": None},
    "finalists": {"count": 1, "seeds": 2},
}
VALUES = (0.9, 0.5, 0.95)


def searched() -> Iterator[Event]:
    """Trials 0 and 2 train fully, trial 1 is stopped at the first rung, trial 3 diverges."""
    yield events.SearchOpened(SPEC, "d" * 64, {"fingerprint": "f" * 64}, {"hpo": "0"})
    for trial, value in enumerate(VALUES):
        yield from trained(
            trial, 0, value, 3 if trial == 1 else 9, End.STOPPED if trial == 1 else End.FINISHED
        )
    yield started(3, 0)
    yield events.Reported(3, 0, 1, {"validation/accuracy": float("nan")}, 0.5)
    yield events.TrialEnded(
        3, 0, End.FAILED, 1, float("nan"), Cause.DIVERGED, "the loss is not a number\nvalidation/loss: nan"
    )


def won() -> Iterator[Event]:
    """The whole search, down to its test score."""
    yield from searched()
    yield events.FinalistsNamed((2,))
    yield from trained(2, 1, 0.93, 9, End.FINISHED)
    yield from trained(2, 2, 0.95, 9, End.FINISHED)
    yield events.Warned("finalists were close")
    yield events.WinnerNamed(2, 1, 0.94, 0.0141, 2, "the best mean")
    yield events.TestClaimed(2, 1, "a" * 64, "host:1")
    yield events.TestScored({"accuracy": {"value": 0.92, "low": 0.88, "high": 0.95}}, 360, "t" * 64, True)
    yield events.RecipeExported("/home/recipe.yaml", "b" * 64)
    yield events.SearchEnded("done")


def started(trial: int, replicate: int) -> events.TrialStarted:
    point = {"optimizer": "sgd", "optimizer.momentum": 0.9, "learning_rate": 0.012345}
    recipe = {"learning_rate": 0.012345, "optimizer": {"name": "sgd", "momentum": 0.9}}
    return events.TrialStarted(trial, replicate, point, recipe, 7, "finalist" if replicate else "sampler")


def trained(trial: int, replicate: int, value: float, epochs: int, end: End) -> Iterator[Event]:
    yield started(trial, replicate)
    for epoch in range(1, epochs + 1):
        reached = value * epoch / epochs
        yield events.Reported(trial, replicate, epoch, {"validation/accuracy": reached}, 2.0)
    yield events.TrialEnded(trial, replicate, end, epochs, value)


def recorded(story: Iterator[Event]) -> list[Recorded]:
    return [Recorded(seq, 1_000.0 + seq, event) for seq, event in enumerate(story, start=1)]


def history(story: Iterator[Event]) -> History:
    return History.of(recorded(story), Objective("accuracy"))


def replay(watch, record):
    """Show a watcher a record, as a running search does."""
    history = History(Objective("accuracy"))
    watch.begin("digits-1")
    for recorded in record:
        history.apply(recorded)
        watch.event(recorded, history)
