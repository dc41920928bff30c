"""Compare an account, as a file, with a search's record and with itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from hpo.core import recipe as recipes
from hpo.core.audit import ChainStanding, compare_head
from hpo.core.chain import ChainHead
from hpo.core.chain_check import Finding
from hpo.core.errors import UserError
from hpo.core.json_values import JsonFields, differences, parsed
from hpo.core.regular_file import read_regular
from hpo.core.shipped_model import digest_of
from hpo.ledger.earlier import EarlierLedger
from hpo.spec.fields import STORED_ONLY
from hpo.use_cases.auditing.comparison import AuditedRecord, Comparison

COMPARED = (
    "search",
    "digest",
    "spec",
    "data.fingerprint",
    "data.split",
    "data.test",
    "objective",
    "trials",
    "failures",
    "comparisons",
    "fresh",
    "winner",
    "model.kind",
    "model.digest",
    "model.members",
    "numbers.raw.value",
    "numbers.winner.value",
    "numbers.test",
    "look",
    "look_reason",
    "seeds",
    "versions",
)
"""Fields of an account that follow from the record alone, whatever version computes them."""

COMPARED_IF_STATED = (
    "baselines",
    "within",
    "test_rows",
    "leaks",
    "about",
    "code",
    "test_refused",
    "validation_use",
    "constraints",
)
"""Likewise, but accounts of earlier versions lack them."""


def read_account(path: Path) -> JsonFields:
    """Return the JSON of an account.

    Raises:
        UserError: If the file cannot be read or is not an account.
    """
    try:
        content = parsed(read_regular(path))
    except OSError as error:
        raise UserError(f"--account {path}: {error.strerror}") from error
    except ValueError as error:
        raise UserError(f"--account {path}: not JSON: {error}") from error
    if not isinstance(content, Mapping) or not _is_account(content):
        raise UserError(
            f"--account {path}: not an account with a chain; `hpo account SEARCH --json` prints one"
        )
    return content


def _is_account(content: JsonFields) -> bool:
    """Return whether an object has what every account with a chain has."""
    return (
        {"search", "spec", "digest", "chain"} <= content.keys()
        and isinstance(content["search"], str)
        and isinstance(content["spec"], Mapping)
        and isinstance(content["chain"], Mapping)
    )


def standing_of(account: JsonFields) -> ChainStanding | None:
    """Return the chain that an account states; None if it states it in another form."""
    try:
        standing = ChainStanding(**account["chain"])
    except TypeError:
        return None
    numbers, links = (standing.events, standing.began), (standing.head, standing.first)
    fits = all(type(value) is int for value in numbers) and all(isinstance(value, str) for value in links)
    return standing if fits else None


def compare_account(where: str, account: JsonFields, audited: AuditedRecord) -> Comparison:
    """Compare an account with the record as it was when the account was written.

    Args:
        where: What to call the account.
        account: Its JSON.
        audited: The record.
    """
    record, search = audited.events, audited.account.search
    if account["search"] != search:
        text = f"{where} is of the search {account['search']!r}, not of {search}"
        return Comparison((where,), findings=(Finding("foreign", where, None, text),))
    standing = standing_of(account)
    if standing is None or not standing.head:
        if record and record[0].link:
            text = f"{where} was changed: it states no chain, and the record has one"
            return Comparison((where,), findings=(Finding("changed", where, None, text),))
        return Comparison(notes=(f"{where} states no chain, as the record had none, so it was not compared",))
    head = ChainHead(standing.events, standing.head)
    finding = compare_head(head, standing.first, record, where, audited.edits)
    if finding is not None and any(standing.events > rescue.kept for rescue in audited.history.rescues):
        return Comparison(
            notes=(f"{where} was written before the ledger was rescued, so it was not compared",)
        )
    if finding is not None:
        return Comparison((where,), findings=(finding,))
    if audited.edits:
        return Comparison(
            notes=(f"the record was edited, so only the head that {where} states was compared",)
        )
    return Comparison((where,), findings=tuple(_changed(where, account, _account_at(standing, audited))))


def _account_at(standing: ChainStanding, audited: AuditedRecord) -> JsonFields:
    """Return the account that the record gave after the events that another account states."""
    concluded = audited.history.concluded
    if standing.events >= len(audited.events) or (concluded and concluded.events <= standing.events):
        return audited.account.to_json()
    return audited.gather(EarlierLedger(audited.ledger, standing.events)).to_json()


def _changed(where: str, account: JsonFields, recorded: JsonFields) -> Iterator[Finding]:
    stated = [name for name in COMPARED_IF_STATED if name in account]
    recorded = without_later_fields(recorded, account)
    for name in (*COMPARED, *stated):
        for field, known, written in differences(_at(recorded, name), _at(account, name), name):
            text = f"{where} was changed: {field} is {written}, on record {known}"
            yield Finding("changed", where, None, text)


def without_later_fields(recorded: JsonFields, account: JsonFields) -> JsonFields:
    """Return an account without what an account of an earlier version does not state of data and code."""
    about, stated = _at(recorded, "about"), _at(account, "about")
    if isinstance(about, Mapping) and isinstance(stated, Mapping) and "test_part" not in stated:
        about = {key: value for key, value in about.items() if key != "test_part"}
        recorded = {**recorded, "about": about}
    changes, written = _at(recorded, "code.changes"), _at(account, "code.changes")
    if not isinstance(changes, list) or "put_back" in json.dumps(written):
        return recorded
    earlier = [{key: value for key, value in change.items() if key != "put_back"} for change in changes]
    return {**recorded, "code": {**recorded["code"], "changes": earlier}}


def compare_with_itself(where: str, account: JsonFields) -> tuple[Finding, ...]:
    """Return contradictions within an account: a spec or a model that does not match its digest."""
    texts = []
    content = {key: value for key, value in account["spec"].items() if key not in STORED_ONLY}
    if recipes.digest(content) != account["digest"]:
        texts.append(f"{where} was changed: its spec does not match the spec's digest")
    model = account.get("model")
    if model and _weights_of(model) != _at(model, "digest"):
        texts.append(f"{where} was changed: the digest of its model does not match the weights that it names")
    if standing_of(account) is None:
        texts.append(f"{where} was changed: its chain is not stated as accounts state it")
    return tuple(Finding("changed", where, None, text) for text in texts)


def _weights_of(model: object) -> str:
    """Return the digest of the weights that an account names; empty if it does not name them."""
    members = _at(model, "members")
    digests = [_at(member, "sha256") for member in members] if isinstance(members, list) else [None]
    texts = [digest for digest in digests if isinstance(digest, str)]
    return digest_of(texts) if len(texts) == len(digests) else ""


def _at(account: object, name: str) -> object:
    """Return the value at a dotted name; None if there is none."""
    for key in name.split("."):
        account = account.get(key) if isinstance(account, Mapping) else None
    return account
