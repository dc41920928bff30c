"""Compare an account, as a file, with a search's record and with itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hpo.core import recipe as recipes
from hpo.core.account import Account
from hpo.core.audit import ChainStanding, compare_head
from hpo.core.chain import ChainHead, StoredEvent
from hpo.core.chain_check import Finding
from hpo.core.errors import UserError
from hpo.core.json_values import JsonFields, differences, parsed
from hpo.core.regular_file import read_regular
from hpo.core.shipped_model import digest_of
from hpo.spec.fields import STORED_ONLY
from hpo.use_cases.auditing.comparison import Comparison

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
    if not isinstance(content, Mapping) or not {"search", "spec", "digest", "chain"} <= content.keys():
        raise UserError(
            f"--account {path}: not an account with a chain; `hpo account SEARCH --json` prints one"
        )
    return content


def standing_of(account: JsonFields) -> ChainStanding | None:
    """Return the chain that an account states; None if it states none or states it in another form."""
    chain = account.get("chain")
    try:
        return ChainStanding(**chain) if isinstance(chain, Mapping) else None
    except TypeError:
        return None


def compare_account(
    where: str,
    account: JsonFields,
    now: Account,
    concluded: ChainHead | None,
    record: list[StoredEvent],
    edits: list[Finding],
) -> Comparison:
    """Compare an account with the record.

    Args:
        where: What to call the account.
        account: Its JSON.
        now: The account that the record gives today.
        concluded: Head of the chain when the model was fixed or the test part scored.
        record: The events as stored.
        edits: What the chain itself shows.
    """
    if account.get("search") != now.search:
        text = f"{where} is of the search {account.get('search')!r}, not of {now.search}"
        return Comparison((where,), findings=(Finding("foreign", where, None, text),))
    standing = standing_of(account)
    if standing is None or not standing.head:
        chained = bool(record and record[0].link)
        text = f"{where} was changed: it states no chain, and the record has one"
        findings = (Finding("changed", where, None, text),)
        if chained:
            return Comparison((where,), findings=findings)
        return Comparison(notes=(f"{where} states no chain, as the record had none, so it was not compared",))
    head = ChainHead(standing.events, standing.head)
    finding = compare_head(head, standing.first, record, where, edits)
    if finding is not None:
        return Comparison((where,), findings=(finding,))
    if concluded and concluded.events > standing.events:
        return Comparison(
            notes=(f"the search went on after {where} was written, so only its head was compared",)
        )
    found = tuple(
        Finding("changed", where, None, f"{where} was changed: {field} is {written}, on record {recomputed}")
        for name in COMPARED
        for field, recomputed, written in differences(_at(now.to_json(), name), _at(account, name), name)
    )
    return Comparison((where,), findings=found)


def compare_with_itself(where: str, account: JsonFields) -> tuple[Finding, ...]:
    """Return contradictions within an account: a spec or a model that does not match its digest."""
    findings: list[Finding] = []
    spec = account["spec"]
    content = {key: value for key, value in spec.items() if key not in STORED_ONLY}
    if recipes.digest(content) != account["digest"]:
        text = f"{where} was changed: its spec does not match the spec's digest"
        findings.append(Finding("changed", where, None, text))
    model = account.get("model")
    if model and digest_of([member["sha256"] for member in model["members"]]) != model["digest"]:
        text = f"{where} was changed: the digest of its model does not match the weights that it names"
        findings.append(Finding("changed", where, None, text))
    return tuple(findings)


def _at(account: object, name: str) -> object:
    """Return the value at a dotted name; None if there is none."""
    for key in name.split("."):
        account = account.get(key) if isinstance(account, Mapping) else None
    return account
