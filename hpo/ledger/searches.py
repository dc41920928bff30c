"""Searches as their records tell them; nothing here starts or changes one."""

from __future__ import annotations

from hpo.core.errors import HpoError, UserError
from hpo.core.events import SearchOpened
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.objective import Objective
from hpo.ledger.store import LedgerStore, SearchLedger


def open_ledger(name: str, home: Home) -> SearchLedger:
    """The record of a search; a home that is none is left as it is.

    Raises:
        UserError: If there is none of that name.
    """
    if not home.is_used:
        raise UserError(f"there is no search {name!r}: {home.root} holds none yet")
    return LedgerStore.at(home.ledger).open(name)


def opened_of(ledger: SearchLedger) -> SearchOpened:
    """The first event of a search."""
    for recorded in ledger.read(kinds=[SearchOpened]):
        if isinstance(recorded.event, SearchOpened):
            return recorded.event
    raise HpoError(f"{ledger.name} has no first event: its ledger is damaged")


def objective_of(opened: SearchOpened) -> Objective:
    """By what the trials of a search count."""
    return Objective(**opened.spec["objective"])


def read_history(ledger: SearchLedger) -> History:
    """Fold a whole record."""
    return History.of(ledger.read(), objective_of(opened_of(ledger)))
