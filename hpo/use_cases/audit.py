"""Audit a search: find what was done to its record and files since they were written."""

from __future__ import annotations

import functools
import json
from pathlib import Path

from hpo.core.account import Account
from hpo.core.audit import Audit, ChainStanding
from hpo.core.chain import StoredEvent
from hpo.core.chain_check import Finding, find_edits
from hpo.core.errors import HpoError, UserError
from hpo.core.events import SearchOpened
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.record import Recorded, event_of
from hpo.ledger.searches import objective_of, open_ledger, read_history
from hpo.ledger.store import SearchLedger
from hpo.use_cases.accounting.gathering import gather_account
from hpo.use_cases.auditing.accounts import compare_account, compare_with_itself, read_account, standing_of
from hpo.use_cases.auditing.comparison import AuditedRecord, Comparison
from hpo.use_cases.auditing.files import compare_recipe, compare_soups, compare_weights
from hpo.use_cases.auditing.opened import compare_register
from hpo.use_cases.auditing.signatures import WrongSignature, signature_beside, signer_of
from hpo.use_cases.model.register_policy import all_openings

THE_CHAIN = "the chain of events"
UNSIGNED = (
    "no signature was verified (--signers FILE) and no record compared (SEARCH), so an edited score would "
    "not be found"
)
"""What an account by itself cannot show."""


def audit_search(name: str, *, home: Home, account: Path | None = None, signers: Path | None = None) -> Audit:
    """Compare the chain of a search with the register, its recipe, its weights and its account.

    Args:
        name: The search's name.
        home: Home of the search.
        account: A further account to compare, such as a signed one; None for the one in the search's
            folder alone.
        signers: File of the signers that are accepted for that account, whose signature is beside it;
            None to verify no signature.

    Raises:
        UserError: If there is no such search, the file is not an account, its signature cannot be
            verified, or the register cannot be used.
        HpoError: If the database cannot be opened.
    """
    _require_register(name)
    read = read_account(account) if account else None
    signer, signature = _signed(account, signers)
    ledger = open_ledger(name, home)
    record = ledger.stored()
    edits = find_edits(name, record)
    gather = functools.partial(gather_account, home=home)
    try:
        history, now = read_history(ledger), gather(ledger)
    except Exception as error:  # an edited event may break anything that reads it
        edits = edits or [unreadable(record, error)]
        note = "the edited record cannot be read to its end, so only its chain was checked"
        return _audit(name, record, [Comparison((THE_CHAIN,), (note,), tuple(edits)), signature], signer)
    audited = AuditedRecord(ledger, history, now, gather, home, record, edits)
    comparisons = _compared(audited)
    if read is not None:
        comparisons.append(compare_account(str(account), read, audited))
    return _audit(name, record, [*comparisons, signature], signer)


def audit_of(account: Account, ledger: SearchLedger, *, home: Home) -> Audit:
    """Return the audit that an account of a search is printed with."""
    record = ledger.stored()
    edits = find_edits(ledger.name, record)
    gather = functools.partial(gather_account, home=home)
    audited = AuditedRecord(ledger, read_history(ledger), account, gather, home, record, edits)
    return _audit(ledger.name, record, _compared(audited))


def _require_register(name: str) -> None:
    """Read the register once, so that its own faults are not taken for edits of the record."""
    try:
        all_openings()
    except HpoError as error:
        raise UserError(f"{name} was not audited: {error}") from error


def _compared(audited: AuditedRecord) -> list[Comparison]:
    """Compare the record with itself, and with all that the home and the register have of the search."""
    ledger, history, home = audited.ledger, audited.history, audited.home
    comparisons = [
        Comparison((THE_CHAIN,), _notes(audited.events, history), tuple(audited.edits)),
        compare_register(ledger, audited.edits, str(home.root)),
        compare_recipe(ledger.name, history, home, audited.edits),
        compare_weights(ledger.name, history, home),
        compare_soups(history),
    ]
    file = home.search(ledger.name).account.with_suffix(".json")
    if file.is_file():
        try:
            written = read_account(file)
        except (
            UserError
        ) as error:  # of an earlier version, if the record has no chain from its first event on
            if history.chained_from == 1:
                text = f"{file.name} was changed: {error}"
                finding = Finding("changed", file.name, None, text)
                comparisons.append(Comparison((file.name,), findings=(finding,)))
        else:
            comparisons.append(compare_account(file.name, written, audited))
    return comparisons


def unreadable(record: list[StoredEvent], error: Exception) -> Finding:
    """Return the first event that does not fit those before it, of a record that its chain does not fault.

    Args:
        record: Events as stored.
        error: What reading them raised.
    """
    history: History | None = None
    for stored in record:
        try:
            event = event_of(stored.kind, json.loads(stored.body))
            if isinstance(event, SearchOpened):
                history = History(objective_of(event))
            assert history is not None
            history.apply(Recorded(stored.seq, stored.time, event))
        except Exception as reason:
            text = (
                f"event {stored.seq} ({stored.kind}) does not fit the events before it ({reason!r}): one of "
                "them was edited, and the chain computed again"
            )
            return Finding("rewritten", "event", stored.seq, text)
    return Finding("rewritten", "event", None, f"the record cannot be read: {error!r}")


def _notes(record: list[StoredEvent], history: History) -> tuple[str, ...]:
    """Return where a chain began late or was restarted."""
    notes = []
    began = ChainStanding.of(record).began
    if not began:
        notes.append("the events have no chain: an earlier version wrote them; it begins with the next event")
    elif began > 1:
        notes.append(
            f"the chain began at event {began}, when this version first wrote to the record of an earlier "
            f"one; events 1 to {began - 1} are covered as they were then"
        )
    for rescue in history.rescues:
        notes.append(
            f"a rescue replaced a damaged ledger: the chain went on after event {rescue.kept}, and "
            f"{rescue.lost} readable events after the damage were left out"
        )
    return tuple(notes)


def _audit(name: str, record: list[StoredEvent], comparisons: list[Comparison], signer: str = "") -> Audit:
    return Audit(
        name,
        ChainStanding.of(record),
        tuple(phrase for one in comparisons for phrase in one.compared),
        tuple(note for one in comparisons for note in one.notes),
        tuple(finding for one in comparisons for finding in one.findings),
        signer,
    )


def _signed(account: Path | None, signers: Path | None) -> tuple[str, Comparison]:
    """Return who signed an account, if that was asked, and the comparison with the signature."""
    if signers is None:
        return "", Comparison()
    if account is None:
        raise UserError("--signers needs --account FILE, whose signature is FILE.sig")
    compared = (f"the signature {signature_beside(account)}",)
    try:
        return signer_of(account, signers), Comparison(compared)
    except WrongSignature as error:
        return "", Comparison(compared, findings=(Finding("changed", str(account), None, str(error)),))


def audit_account(path: Path, *, signers: Path | None = None) -> Audit:
    """Check an account by itself and its signature, on any machine, without the home of its search.

    Args:
        path: The account as JSON.
        signers: File of the signers that are accepted; None to verify no signature.

    Raises:
        UserError: If the file is not an account, or its signature cannot be verified.
    """
    account = read_account(path)
    signer, signature = _signed(path, signers)
    standing = standing_of(account) or ChainStanding(0, "", "", 0)
    findings = (*compare_with_itself(str(path), account), *signature.findings)
    compared = (f"{path}, with itself alone", *signature.compared)
    notes = () if signers else (UNSIGNED,)
    return Audit(account["search"], standing, compared, notes, findings, signer)
