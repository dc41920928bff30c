"""An audit: what a search's record was compared with, and what differs from what was recorded."""

from __future__ import annotations

from dataclasses import dataclass

from hpo.core.chain import ChainHead, StoredEvent
from hpo.core.chain_check import Finding, began_at
from hpo.core.json_values import JsonObject, jsonable


@dataclass(frozen=True, slots=True)
class ChainStanding:
    """The chain of a search, as an account states it.

    Attributes:
        events: Number of events up to the head.
        head: The last link.
        first: The first link, which tells two ledgers apart; empty without a chain.
        began: Position of the first event with a link: 1, or later if an earlier version wrote the
            events before it; 0 without a chain.
    """

    events: int
    head: str
    first: str
    began: int

    @classmethod
    def of(cls, record: list[StoredEvent]) -> ChainStanding:
        """Return the standing after the last event of a record."""
        links = [event.link.hex() for event in record if event.link]
        last = record[-1].link.hex() if record and record[-1].link else ""
        return cls(len(record), last, links[0] if links else "", began_at(record))


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of an audit.

    Attributes:
        search: Name of the search.
        chain: Its chain, or what an account states of it.
        compared: What was compared, one phrase each.
        notes: What could not be compared and why, and rescues of the ledger; no reason to worry.
        findings: What differs from what was recorded.
        signer: Who signed the account, as the file of signers names them; empty without a signature.
    """

    search: str
    chain: ChainStanding
    compared: tuple[str, ...]
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    signer: str = ""

    @property
    def exit_code(self) -> int:
        """0 if nothing differs, otherwise 1."""
        return int(bool(self.findings))

    def to_json(self) -> JsonObject:
        """Return the audit as a JSON value."""
        shown: JsonObject = {
            "search": self.search,
            "untouched": not self.findings,
            "chain": jsonable(self.chain),
            "compared": list(self.compared),
            "notes": list(self.notes),
            "findings": [jsonable(finding) for finding in self.findings],
            "signer": self.signer or None,
        }
        return shown


def compare_head(
    head: ChainHead, first: str, record: list[StoredEvent], where: str, edits: list[Finding]
) -> Finding | None:
    """Compare a head that was kept elsewhere with the chain of a record.

    Args:
        head: The head that was kept.
        first: The first link of the chain that it belongs to; empty if it was not kept.
        record: The events as stored.
        where: What kept the head, such as ``the account``.
        edits: What the chain itself shows, which may explain a difference.

    Returns:
        What differs; None if the head is in the chain, or its event is known to be deleted.
    """
    links = {event.link.hex(): event.seq for event in record if event.link}
    if any(edit.edit == "deleted" for edit in edits):
        return None
    if head.digest in links:
        return None if edits else _misplaced(head, links[head.digest], where)
    if first and first not in links:
        text = f"{where} is from another ledger, or this one was rewritten from its first event on"
        return Finding("foreign", where, None, text)
    if head.events > len(record):
        text = (
            f"events {len(record) + 1} to {head.events} were deleted: {where} states a chain of "
            f"{head.events} events"
        )
        return Finding("deleted", where, len(record) + 1, text)
    text = (
        f"the record was rewritten: the chain at event {head.events} is not the one that {where} states, so "
        "an event up to there was edited and the links after it computed again"
    )
    return Finding("rewritten", where, head.events, text)


def _misplaced(head: ChainHead, position: int, where: str) -> Finding | None:
    """Return that a head is stated with another number of events than it covers."""
    if head.events == position:
        return None
    text = (
        f"{where} was changed: it states {head.events} events, but its head is the link of event {position}"
    )
    return Finding("changed", where, None, text)
