"""The record of a small search, for tests of what is read from it."""

from hpo.core import events
from hpo.core.events import Cause, End
from hpo.core.home import Home
from hpo.ledger.store import LedgerStore
from hpo.spec import read_spec

SPEC = """
version: 1
data: {source: digits}
trainable: image_classifier
space: {learning_rate: {loguniform: [1e-3, 0.3]}}
objective: {metric: accuracy}
scheduler: {name: asha, max_epochs: 3, first_rung: 1}
budget: {trials: 9}
finalists: {count: 2, seeds: 2}
"""
SPLIT = {
    "fingerprint": "f" * 64,
    "data": "d" * 64,
    "counts": {"train": 1000, "validation": 400},
    "test": {"n": 360, "fingerprint": "t" * 64},
}
TRIALS = (0.91, 0.95, 0.93, 0.94)
FRESH = {1: (0.925, 0.935), 3: (0.93, 0.94)}


def trained(trial, replicate, value, end=End.FINISHED, cause=None):
    recipe = {"learning_rate": 0.1 + trial}
    yield events.TrialStarted(trial, replicate, recipe, recipe, 7 + replicate, "sampler")
    for epoch in range(1, 4 if end is End.FINISHED else 2):
        reached = value - 0.01 * (3 - epoch)
        yield events.Reported(trial, replicate, epoch, {"validation/accuracy": reached}, 1.0)
    yield events.TrialEnded(trial, replicate, end, 3 if end is End.FINISHED else 1, value, cause)


def searched():
    for trial, value in enumerate(TRIALS):
        yield from trained(trial, 0, value)
    yield from trained(4, 0, 0.3, End.STOPPED)
    yield from trained(5, 0, float("nan"), End.FAILED, Cause.DIVERGED)
    yield events.FinalistsNamed((1, 3))
    for trial, values in FRESH.items():
        for replicate, value in enumerate(values, 1):
            yield from trained(trial, replicate, value)


def won():
    yield from searched()
    yield events.WinnerNamed(3, 1, 0.935, 0.0071, 2, "it has the best mean")
    yield events.TestClaimed(3, 1, "a" * 64, "process 1 on host")
    yield events.TestScored({"accuracy": {"value": 0.92, "low": 0.88, "high": 0.95}}, 360, "t" * 64, True)
    yield events.SearchEnded("done")


def recorded(folder, story, settings=(), split=(), name="digits", tags=None):
    """A home in a folder with a search whose record is a story."""
    (folder / "digits.yaml").write_text(SPEC)
    spec, home = read_spec(str(folder / "digits.yaml"), settings), Home(folder / "home").create()
    opened = events.SearchOpened(
        spec.document, spec.digest, SPLIT | dict(split), {"torch": "2.13"}, tags or {}
    )
    LedgerStore.at(home.ledger).create("digits", opened, name).append(list(story))
    return home
