"""The parts of an account around the result: its data, its cost, where it began, and what it does not say."""

from __future__ import annotations

from collections.abc import Iterator

from hpo.core.data_account import PartFacts
from hpo.core.events import SearchResumed
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.search_setting import Origin
from hpo.core.strata import Strata
from hpo.core.warm_start import WarmStart
from hpo.ledger.store import SearchLedger
from hpo.spec import SearchSpec
from hpo.use_cases.accounting.space_edits import space_edits
from trainables.registry import SHIPPED


def origin_of(spec: SearchSpec, ledger: SearchLedger, history: History, home: Home) -> Origin:
    """Return what a search began from, and what changed after that."""
    assert history.opened is not None
    warmth = WarmStart.of_json(history.opened.warmth)
    return Origin(
        description=str(history.opened.spec.get("description") or ""),
        warm_start=tuple(dict.fromkeys([*spec.warm_start, *(trials.source for trials in warmth.earlier)])),
        given=len(spec.start_from),
        extended=history.extended,
        resumed=len(list(ledger.read(kinds=[SearchResumed]))),
        finalists_asked=spec.finalists.count,
        finalists_named=len(history.finalists.trials) if history.finalists else 0,
        edits=space_edits(spec, home),
    )


def opened_rows_of(history: History) -> PartFacts | None:
    """Return what the opened test part holds; None while it is sealed."""
    return PartFacts.of_json(history.within_test.rows) if history.within_test else None


def strata_in(history: History) -> Strata | None:
    """Return how the model did within the test part; None while that is sealed."""
    return Strata.of_json(history.within_test.within) if history.within_test else None


def fitted_on_training_rows(spec: SearchSpec) -> str:
    """Return what was fitted to training rows alone, as far as that is known."""
    if spec.trainable not in SHIPPED:
        return "not known to hpo: the training code is the user's own, and is given the training rows alone"
    return (
        "weights, means and scales of inputs and targets, and values for gaps; the names of classes and "
        "categories come from all rows but the test part"
    )


def limits_of(spec: SearchSpec, history: History) -> Iterator[str]:
    """Yield what the result does not say, a sentence each."""
    assert history.opened is not None
    split = history.opened.split
    if split["test"] is None:
        yield "the data has no test part, so every score is on rows that choices were based on"
    elif split.get("by") == "time":
        yield "the test part is the latest stretch of the same source: it says nothing about other sites"
    elif split.get("by") == "groups":
        yield "the test part is other groups of the same source: it says nothing about other sites or times"
    else:
        yield (
            "the test part comes from the same source as the training rows: it says nothing about other "
            "sites, other groups or later times"
        )
    yield (
        "an interval holds for rows drawn like these; whether the rows represent those that the model "
        "is meant for, and whether their labels are right, is not known to hpo"
    )
    if spec.finalists.count > 1 or spec.finalists.seeds > 1:
        yield "seeds vary the training, not the split: another split would give another result"
