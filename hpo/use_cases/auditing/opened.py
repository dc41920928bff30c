"""Compare a search's claim and test score with the test-use register, which is outside the home."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hpo.core.audit import compare_head
from hpo.core.chain import ChainHead
from hpo.core.chain_check import Finding
from hpo.core.events import TestClaimed, TestPredicted, TestScored
from hpo.core.history import History
from hpo.core.json_values import differences, jsonable
from hpo.core.record import Recorded
from hpo.core.unread_claims import UNREAD, is_unread
from hpo.ledger.opening import WITHDRAWN, Opening
from hpo.ledger.searches import read_history
from hpo.ledger.store import SearchLedger
from hpo.use_cases.auditing.comparison import Comparison
from hpo.use_cases.dataset.register_access import existing_register
from hpo.use_cases.model.register_policy import claim_key, moment

WHERE = "the test-use register"


def compare_register(ledger: SearchLedger, edits: list[Finding], home: str) -> Comparison:
    """Compare what the register has of a search with the search's own record.

    Args:
        ledger: The record.
        edits: What its chain shows.
        home: Home of the search.
    """
    history = read_history(ledger)
    claim = next(iter(ledger.read(kinds=[TestClaimed])), None)
    register = existing_register()
    if register is None:
        return Comparison(notes=("there is no test-use register to compare with",))
    openings = [opening for opening in register.all() if opening.state != WITHDRAWN]
    findings = (*_unclaimed(ledger, claim, openings, history, home), *_unregistered(ledger, openings))
    if claim is None:
        return Comparison((WHERE,), findings=findings)
    attempts = [opening for opening in openings if opening.claim == claim_key(ledger.name, claim)]
    opening = attempts[-1] if attempts else None
    if opening is not None:
        return Comparison((WHERE,), findings=(*findings, *_differences(ledger, opening, history, edits)))
    if is_unread(history):
        return Comparison((WHERE,), notes=(UNREAD,), findings=findings)
    if history.score is None or history.score.practice:
        return Comparison(notes=("openings of practice data are not in the register",), findings=findings)
    text = (
        f"{WHERE} has no opening for event {claim.seq} (TestClaimed): the opening was deleted, the event was "
        "changed, or HPO_REGISTER names another register than then"
    )
    return Comparison((WHERE,), findings=(*findings, Finding("missing", WHERE, claim.seq, text)))


def _unclaimed(
    ledger: SearchLedger, claim: Recorded | None, openings: Sequence[Opening], history: History, home: str
) -> tuple[Finding, ...]:
    """Return openings of this search since it began that its record lacks."""
    keys = {claim_key(ledger.name, claim)} if claim else set[str]()
    keys |= {prediction.key for prediction in history.predictions}
    return tuple(
        Finding(
            "deleted",
            WHERE,
            claim.seq if claim else None,
            f"{WHERE} has an opening for {ledger.name} at {moment(opening.time)} that the record lacks: its "
            f"event {'TestPredicted' if opening.predicted else 'TestClaimed'} was deleted or changed",
        )
        for opening in openings
        if opening.search == ledger.name
        and opening.home == home
        and opening.time >= history.opened_at
        and opening.claim not in keys
    )


def _unregistered(ledger: SearchLedger, openings: Sequence[Opening]) -> Iterator[Finding]:
    """Yield predictions of test rows on record that the register lacks."""
    keys = {opening.key for opening in openings}
    for recorded in ledger.read(kinds=[TestPredicted]):
        if isinstance(recorded.event, TestPredicted) and recorded.event.key not in keys:
            text = (
                f"{WHERE} has no opening for event {recorded.seq} (TestPredicted): the opening was deleted, "
                "the event was changed, or HPO_REGISTER names another register than then"
            )
            yield Finding("missing", WHERE, recorded.seq, text)


def _differences(
    ledger: SearchLedger, opening: Opening, history: History, edits: list[Finding]
) -> tuple[Finding, ...]:
    findings: list[Finding] = []
    scored = next(iter(ledger.read(kinds=[TestScored])), None)
    if scored is not None and isinstance(scored.event, TestScored) and opening.scores:
        now, then = jsonable(scored.event.scores), jsonable(opening.scores)
        for path, current, recorded in differences(now, then):
            text = (
                f"event {scored.seq} (TestScored) was changed: {path} is {current} in the record and "
                f"{recorded} in {WHERE}"
            )
            findings.append(Finding("changed", WHERE, scored.seq, text))
    if opening.state == "completed" and scored is None:
        text = f"event TestScored was deleted: {WHERE} has a score of {moment(opening.time)}"
        findings.append(Finding("deleted", WHERE, None, text))
    if opening.head and not history.rescues:
        head = ChainHead(opening.events, opening.head)
        finding = compare_head(head, "", ledger.stored(), WHERE, edits)
        findings += [finding] if finding else []
    return tuple(findings)
