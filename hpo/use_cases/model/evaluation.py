"""The one opening of the test part: claim, open, score, record, in a process of its own.

The driver starts ``python -m hpo.use_cases.model.evaluation`` and never sees a test example. The process
asks the driver before it claims the test part, since it takes seconds to start and the search may have been
asked to stop meanwhile. The claim is one row that the ledger accepts once per search. If the process dies
between claim and score, the same claim is finished later with the same weights. Every opening is in the
test-use register before the test part is read.
"""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress

from filelock import FileLock

from hpo.core.errors import HpoError, Refused
from hpo.core.events import Warned
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.unread_claims import CLAIMED_BEFORE, FAILED, UNREAD, is_unread
from hpo.ledger.opening import OPENING, AlreadyOpened
from hpo.ledger.searches import open_ledger, read_history
from hpo.ledger.store import SearchLedger
from hpo.use_cases.dataset.register_access import open_register
from hpo.use_cases.model.home_openings import openings_in_home
from hpo.use_cases.model.members import fix_model
from hpo.use_cases.model.opening_claim import attempt_key, claim_test, opening_of
from hpo.use_cases.model.register_policy import recognition_of, refusal_of, rows_of
from hpo.use_cases.model.scoring import NotOpened, Scored, ScoreFailed, recorded_score
from hpo.use_cases.model.scoring_task import ScoringTask, scoring_task
from trainables.data.digests import is_comparable

READY, GO = "ready\n", "go\n"
"""What the process asks before the claim, and the answer that lets it go on."""

NOT_WANTED = 10
"""Exit code of a process that was not to claim the test part any more."""

NOT_COMPARED = (
    "the targets of the test part were not compared with those that were sealed, since these were sealed "
    "under the key of another register; HPO_REGISTER names the register"
)


class _NotWanted(Exception):
    """The search was asked to stop before the claim."""


def evaluate(
    home: Home,
    name: str,
    again: str = "",
    epoch: int | None = None,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Score a search's winner on its test part, in a child process.

    The caller holds the search.

    Args:
        home: Home of the search.
        name: Name of the search.
        again: Reason to open test data that was opened before; empty to refuse that.
        epoch: Epoch of the lease under which the child writes; None for none.
        stop: Returns whether the search was asked to stop; asked once, right before the claim.

    Returns:
        Whether it was scored; False if the search was asked to stop before the claim.

    Raises:
        Refused: If the test part, or the same data for another search, was opened before.
        HpoError: If the child failed.
    """
    command = [sys.executable, "-P", "-m", "hpo.use_cases.model.evaluation", str(home.root), name, again]
    command += [] if epoch is None else [str(epoch)]
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
        with child:
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                with suppress(BrokenPipeError):
                    if child.stdout.readline() and not stop():
                        child.stdin.write(GO.encode())
                    child.stdin.close()
                child.wait()
            except BaseException:
                child.kill()
                raise
        errors.seek(0)
        said = errors.read().decode(errors="replace").strip()
    if child.returncode == Refused.exit_code:
        raise Refused(said)
    if child.returncode not in (0, NOT_WANTED):
        raise HpoError(f"the evaluation failed: {said[-3000:]}")
    return child.returncode == 0


def score_winner(
    home: Home,
    name: str,
    again: str = "",
    epoch: int | None = None,
    wanted: Callable[[], bool] = lambda: True,
) -> None:
    """Claim the test part, open it, score the fixed model once, and record the score.

    An earlier process whose driver died may still be running: the second one waits, and finds the
    score on record.

    Raises:
        Refused: If the test part was claimed for other weights, changed since it was sealed, or was
            opened before and ``again`` gives no reason.
    """
    ledger = open_ledger(name, home)
    ledger.epoch = epoch
    with FileLock(home.search(name).root / "evaluation.lock"):
        history = read_history(ledger)
        if history.score is not None:
            return
        history = fix_model(ledger)
        task = scoring_task(home, name, history)
        if history.claim is not None and any(text.startswith((FAILED, UNREAD)) for text in history.warnings):
            ledger.append([Warned(CLAIMED_BEFORE)])
        if not is_comparable(task.sealed.targets, task.key):
            ledger.append([Warned(NOT_COMPARED)])
        if task.exempt:
            _require(wanted)
            claim_test(ledger, history)
            scored = recorded_score(ledger, task, 1, "")
            ledger.append([*scored.details, scored.score])
            return
        try:
            scored = _open_and_score(home, ledger, history, task, again, wanted)
            ledger.append([*scored.details, scored.score])
        except AlreadyOpened as refused:
            refusal = refusal_of(refused.openings)
            ledger.append([refusal])
            raise Refused(refusal.message) from refused


def _require(wanted: Callable[[], bool]) -> None:
    if not wanted():
        raise _NotWanted


def _open_and_score(
    home: Home,
    ledger: SearchLedger,
    history: History,
    task: ScoringTask,
    again: str,
    wanted: Callable[[], bool],
) -> Scored:
    """Claim in the ledger, record the opening in the register, then read the test part and score.

    A crash at any point leaves at least as many openings on record as there were.
    """
    register, rows = open_register(), rows_of(task.sealed)
    recognition = None
    if task.dataset.test is not None and task.dataset.test.fingerprint == task.sealed.fingerprint:
        recognition = recognition_of(task.spec.data, task.dataset, task.spec.base, register.key)
    elsewhere = openings_in_home(home, task.dataset, register)
    key = attempt_key(ledger, register) if history.claim else ""
    others = [
        opening
        for opening in (*elsewhere, *register.openings_of(task.sealed.fingerprint, rows, recognition))
        if opening.key != key
    ]
    if others and not again and not key:
        raise AlreadyOpened(others)  # before the claim, so that the search can still be extended
    _require(wanted)
    claim_test(ledger, history)
    cut = task.dataset.cut_file.read_bytes() if recognition and task.dataset.cut_file.exists() else b""
    opening = opening_of(home, ledger, task, again, attempt_key(ledger, register))
    interrupted = any(earlier.key == opening.key and earlier.state == OPENING for earlier in register.all())
    opening = register.begin(opening, rows, recognition, cut, elsewhere)
    try:
        scored = recorded_score(ledger, task, opening.look, opening.reason)
    except (Refused, NotOpened) as error:
        if not interrupted:  # an attempt before this one may have read the rows
            register.withdraw(opening.key)
        if history.claim is None or is_unread(history):
            ledger.append([Warned(f"{UNREAD}: {error}")])
        raise
    except ScoreFailed:
        register.fail(opening.key)
        raise
    register.complete(opening.key, scored.score.scores)
    return Scored(dataclasses.replace(scored.score, register=register.location), scored.details)


def main() -> int:
    """Score the winner of the search named on the command line."""
    home, name = Home.at(sys.argv[1]), sys.argv[2]
    driver = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the user's code prints

    def wanted() -> bool:
        print(READY, end="", file=driver, flush=True)
        return sys.stdin.readline() == GO

    try:
        score_winner(home, name, "".join(sys.argv[3:4]), int(sys.argv[4]) if sys.argv[4:] else None, wanted)
    except _NotWanted:
        return NOT_WANTED
    except HpoError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
