"""The claim on a search's test part, and the entry of its opening in the register."""

from __future__ import annotations

import os
import socket

from hpo.core.errors import Refused
from hpo.core.events import TestClaimed
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.record import Recorded
from hpo.ledger.opening import FAILED as FAILED_OPENING
from hpo.ledger.opening import Opening
from hpo.ledger.register import Register
from hpo.ledger.store import SearchLedger
from hpo.use_cases.model.register_policy import claim_key, source_of, who
from hpo.use_cases.model.scoring_task import ScoringTask


def opening_of(home: Home, ledger: SearchLedger, task: ScoringTask, again: str, key: str) -> Opening:
    """Return the register's entry of an opening under the search's claim."""
    claim = _claim_of(ledger)
    return Opening(
        key=key,
        fingerprint=task.sealed.fingerprint,
        n=task.sealed.n,
        by=who(),
        search=ledger.name,
        home=str(home.root),
        source=source_of(task.spec.data, task.spec.base),
        recipe=task.recipe.digest,
        reason=again,
        events=claim.seq,
        head=claim.link,
    )


def _claim_of(ledger: SearchLedger) -> Recorded:
    (claim,) = ledger.read(kinds=[TestClaimed])
    return claim


def attempt_key(ledger: SearchLedger, register: Register) -> str:
    """Return the key of the opening that follows from the claim.

    An attempt that was interrupted goes on under its key; after one that failed, a new one begins.
    """
    key = claim_key(ledger.name, _claim_of(ledger))
    failed = [
        opening for opening in register.all() if opening.claim == key and opening.state == FAILED_OPENING
    ]
    return f"{key}/{len(failed) + 1}" if failed else key


def claim_test(ledger: SearchLedger, history: History) -> None:
    """Claim the test part, or continue a claim whose process died before it had a score.

    Raises:
        Refused: If it was claimed for other weights.
    """
    winner, model = history.winner, history.model
    assert winner is not None
    assert model is not None
    claim = TestClaimed(winner.trial, winner.replicate, model.digest, _this_process())
    if ledger.claim(claim) is None and (history.claim is None or history.claim.sha256 != claim.sha256):
        raise Refused("the test part was claimed for other weights and stays sealed for these")


def _this_process() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"
