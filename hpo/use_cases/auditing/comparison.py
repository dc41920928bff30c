"""What an audit compares a search's record with, and the outcome of one comparison."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hpo.core.account import Account
from hpo.core.chain import StoredEvent
from hpo.core.chain_check import Finding
from hpo.core.history import History
from hpo.core.home import Home
from hpo.ledger.store import SearchLedger


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison of an audit; see `hpo.core.audit.Audit` for its fields."""

    compared: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditedRecord:
    """The record of a search that everything else is compared with.

    Attributes:
        ledger: The record.
        history: The state of the search after all events.
        account: The account after all events.
        gather: Returns the account of a record.
        home: Home of the search.
        events: The events as stored.
        edits: What their chain shows.
    """

    ledger: SearchLedger
    history: History
    account: Account
    gather: Callable[[SearchLedger], Account]
    home: Home
    events: list[StoredEvent]
    edits: list[Finding]
