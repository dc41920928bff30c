"""Openings of a test part according to a home's own ledger, whichever register is in use.

A register that was exchanged or lost since does not make an opened test part unseen.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hpo.core.events import SearchOpened, TestClaimed, TestPredicted
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.json_values import JsonObject
from hpo.core.recipe import Recipe
from hpo.core.record import Recorded
from hpo.core.unread_claims import is_unread
from hpo.data.cut import HALF, TEST, Cut
from hpo.data.prepared import Prepared
from hpo.ledger.opening import COMPLETED, OPENING, Opening
from hpo.ledger.register import Register
from hpo.ledger.searches import opened_of, read_history
from hpo.ledger.store import LedgerStore, SearchLedger
from hpo.spec.data_fields import Data
from hpo.use_cases.dataset.register_access import existing_register
from hpo.use_cases.model.register_policy import claim_key, is_exempt, openings_of, source_of

UNKNOWN_RECIPE = "unknown"


def known_openings_of(data: Data, prepared: Prepared, base: Path | None, home: Home) -> list[Opening]:
    """Return the openings of the same or resembling test data that the register or the home has on record.

    Args:
        data: The `data` section of the spec.
        prepared: The data, read.
        base: As for `register_policy.openings_of`.
        home: The home.
    """
    if prepared.test is None or is_exempt(data, prepared):
        return []
    openings = openings_in_home(home, prepared, existing_register())
    return [*openings, *openings_of(data, prepared, base)]


def openings_in_home(home: Home, prepared: Prepared, register: Register | None) -> list[Opening]:
    """Return the openings of the same test data that a home has on record and the register has not.

    Args:
        home: The home.
        prepared: The data, read.
        register: The register in use; None without one.
    """
    if prepared.test is None or not home.is_used:
        return []
    registered = {opening.key for opening in register.all()} if register else set()
    store = LedgerStore.of(home)
    unregistered = [
        opening
        for name in store.names()
        for opening in _openings(home, store.open(name), prepared)
        if opening.key not in registered
    ]
    return sorted(unregistered, key=lambda opening: opening.time)


def _openings(home: Home, ledger: SearchLedger, prepared: Prepared) -> Iterator[Opening]:
    looks = list(ledger.read(kinds=[TestClaimed, TestPredicted]))
    opened = opened_of(ledger) if looks else None
    share = _same_share(home, opened, prepared) if opened else 0.0
    if opened is None or not share:
        return
    data = Data.model_validate(opened.spec["data"])
    if is_exempt(data, prepared):
        return
    history = read_history(ledger)
    if is_unread(history):
        looks = [look for look in looks if not isinstance(look.event, TestClaimed)]
    for look in looks:
        yield Opening(
            fingerprint=opened.split["test"]["fingerprint"],
            n=opened.split["test"]["n"],
            search=ledger.name,
            home=str(home.root),
            source=source_of(data, Path(opened.spec.get("base") or home.root)),
            time=look.time,
            overlap=share,
            **_look(ledger.name, look, history),
        )


def _look(name: str, look: Recorded, history: History) -> JsonObject:
    """Return the fields of an opening that a claim, or a prediction of test rows, gives."""
    event = look.event
    if isinstance(event, TestPredicted):
        return {
            "key": event.key,
            "by": event.by,
            "recipe": event.recipe,
            "look": event.look,
            "reason": event.reason,
            "state": COMPLETED,
            "predicted": event.rows,
        }
    assert isinstance(event, TestClaimed)
    score, training = history.score, history.trainings.get((event.trial, event.replicate))
    return {
        "key": claim_key(name, look),
        "by": event.by,
        "recipe": Recipe(training.recipe).digest if training else UNKNOWN_RECIPE,
        "look": score.look if score else 1,
        "reason": score.reason if score else "",
        "state": COMPLETED if score else OPENING,
        "scores": score.scores if score else {},
    }


def _same_share(home: Home, opened: SearchOpened, prepared: Prepared) -> float:
    """Return the share of the opened rows that are in the test part of this data; 0 if they are others."""
    assert prepared.test is not None
    test = opened.split["test"]
    if test is None:
        return 0.0
    if test["fingerprint"] == prepared.test.fingerprint:
        return 1.0
    earlier, ours = Cut.read(home.cut(opened.split["data"])), Cut.read(prepared.cut_file)
    if earlier is None or ours is None:
        return 0.0
    sides = earlier.sides_of(ours.marks())
    share = float((sides[ours.test] == TEST).sum() / max(1, min(earlier.test.sum(), ours.test.sum())))
    return share if share > HALF else 0.0
