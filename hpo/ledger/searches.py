"""Reading searches from their records; nothing here starts or changes one."""

from __future__ import annotations

from hpo.core.constraints import constraints_of
from hpo.core.errors import DamagedLedger, HpoError, UserError
from hpo.core.events import SearchOpened
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.objective import Objective
from hpo.ledger.store import LedgerStore, SearchLedger


def open_ledger(name: str, home: Home) -> SearchLedger:
    """Open the ledger of a search, without creating a home.

    Raises:
        UserError: If there is no search of that name.
    """
    if not home.is_used:
        raise UserError(f"there is no search {name!r}: {home.root} does not contain any search yet")
    return LedgerStore.of(home).open(name)


def opened_of(ledger: SearchLedger) -> SearchOpened:
    """Return the first event of a search."""
    for recorded in ledger.read(kinds=[SearchOpened]):
        if isinstance(recorded.event, SearchOpened):
            return recorded.event
    raise HpoError(f"{ledger.name} has no first event: its ledger is damaged")


def objective_of(opened: SearchOpened) -> Objective:
    """Return the objective of a search."""
    return Objective(**opened.spec["objective"], constraints=constraints_of(opened.spec))


EDITED = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, AssertionError)
"""What a record raises in which somebody edited a value, wherever it is computed with."""


def read_history(ledger: SearchLedger) -> History:
    """Return the state of a search; what this ledger object has read before is not read again.

    Raises:
        DamagedLedger: If an event cannot be read, or does not fit those before it.
    """
    history, seq = ledger.latest, 1
    ledger.latest = None
    try:
        if history is None:
            history = History(objective_of(opened_of(ledger)))
        for recorded in ledger.read(after=history.seq):
            seq = recorded.seq
            history.apply(recorded)
    except EDITED as error:
        raise DamagedLedger(
            f"event {seq} of {ledger.name} does not fit those before it; `hpo audit {ledger.name}`"
        ) from error
    ledger.latest = history
    return history.copy()
