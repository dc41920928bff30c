"""The one opening of the test part: claim, open, score, record, in a process of its own.

The driver starts ``python -m hpo.use_cases.model.evaluation`` and never sees a test example. The claim is
one row that the ledger accepts once per search. If the process dies between claim and score, the
same claim is finished later with the same weights. Every opening is in the test-use register before
the test part is read.
"""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
import traceback
from dataclasses import dataclass

from filelock import FileLock

from hpo import spec as specs
from hpo.core.errors import HpoError, Refused, UserError
from hpo.core.events import BaselinesScored, TestClaimed, TestDescribed, TestScored, Warned
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.recipe import Recipe
from hpo.core.record import Recorded
from hpo.core.seeds import derive
from hpo.core.trainable import Examples, Metric
from hpo.core.unread_claims import CLAIMED_BEFORE, FAILED, UNREAD, is_unread
from hpo.data.custodian import prepare
from hpo.data.prepared import Prepared, TestManifest, read
from hpo.data.recorded_cuts import CutsOnRecord
from hpo.data.sealed_part import open_test
from hpo.ledger.opening import FAILED as FAILED_OPENING
from hpo.ledger.opening import OPENING, AlreadyOpened, Opening
from hpo.ledger.register import Register
from hpo.ledger.searches import open_ledger, read_history
from hpo.ledger.store import SearchLedger
from hpo.metrics.assessment import Assessment, assess
from hpo.metrics.row_blocks import RowBlocks
from hpo.running.thread_limits import limited_threads
from hpo.selection.intervals import level_of_look
from hpo.selection.score_intervals import assessed_intervals
from hpo.spec import SearchSpec
from hpo.use_cases.dataset.code_check import changes_of_search
from hpo.use_cases.dataset.code_check import refusal_of as refusal_of_code
from hpo.use_cases.dataset.register_access import open_register, signing_key
from hpo.use_cases.dataset.staging import load_trainable
from hpo.use_cases.model.home_openings import openings_in_home
from hpo.use_cases.model.members import ModelMember, fix_model, models_of, open_members
from hpo.use_cases.model.opening_details import baselines_of_test, description_of_test
from hpo.use_cases.model.register_policy import (
    claim_key,
    is_exempt,
    recognition_of,
    refusal_of,
    rows_of,
    source_of,
    who,
)
from trainables.data.digests import is_comparable

NOT_COMPARED = (
    "the targets of the test part were not compared with those that were sealed, since these were sealed "
    "under the key of another register; HPO_REGISTER names the register"
)

MESSAGE = 500
"""Characters of an error of the user's code that go on record."""


def evaluate(home: Home, name: str, again: str = "", epoch: int | None = None) -> None:
    """Score a search's winner on its test part, in a child process.

    The caller holds the search.

    Args:
        home: Home of the search.
        name: Name of the search.
        again: Reason to open test data that was opened before; empty to refuse that.
        epoch: Epoch of the lease under which the child writes; None for none.

    Raises:
        Refused: If the test part, or the same data for another search, was opened before.
        HpoError: If the child failed.
    """
    command = [sys.executable, "-P", "-m", "hpo.use_cases.model.evaluation", str(home.root), name, again]
    command += [] if epoch is None else [str(epoch)]
    child = subprocess.run(command, capture_output=True, text=True, start_new_session=True, check=False)
    if child.returncode == Refused.exit_code:
        raise Refused(child.stderr.strip())
    if child.returncode:
        raise HpoError(f"the evaluation failed: {child.stderr.strip()[-3000:]}")


def score_winner(home: Home, name: str, again: str = "", epoch: int | None = None) -> None:
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
        task = _task(home, name, history)
        if history.claim is not None and any(text.startswith((FAILED, UNREAD)) for text in history.warnings):
            ledger.append([Warned(CLAIMED_BEFORE)])
        if not is_comparable(task.sealed.targets, task.key):
            ledger.append([Warned(NOT_COMPARED)])
        if task.exempt:
            _claim(ledger, history)
            scored = _recorded_score(ledger, task, 1, "")
            ledger.append([*scored.details, scored.score])
            return
        try:
            scored = _open_and_score(home, ledger, history, task, again)
            ledger.append([*scored.details, scored.score])
        except AlreadyOpened as refused:
            refusal = refusal_of(refused.openings)
            ledger.append([refusal])
            raise Refused(refusal.message) from refused


@dataclass(frozen=True)
class _Task:
    """The model to score and the test part to score it on.

    Attributes:
        spec: Spec of the search.
        members: Members of the fixed model.
        recipe: Recipe of the winner.
        dataset: The data as it is now.
        sealed: The test part on record since the search was opened.
        exempt: Whether openings of this test part are not counted.
        practice: Whether the score is labelled practice.
        changed: Files of the user's code that are not those on record.
        key: Secret of the register; None for practice data.
        history: The search's record.
        developed: The data as it was when the search was opened; None if it is no longer kept.
    """

    spec: SearchSpec
    members: tuple[ModelMember, ...]
    recipe: Recipe
    dataset: Prepared
    sealed: TestManifest
    exempt: bool
    practice: bool
    changed: list[str]
    key: bytes | None
    history: History
    developed: Prepared | None


@dataclass(frozen=True)
class _Scored:
    """The score of an opening, and what goes on record beside it."""

    score: TestScored
    details: tuple[BaselinesScored | TestDescribed, ...]


def _task(home: Home, name: str, history: History) -> _Task:
    """Prepare everything that can be prepared while the test part is sealed."""
    assert history.opened is not None
    assert history.winner is not None
    spec = specs.parse_spec(history.opened.spec, source=name)
    data = spec.data
    members = open_members(home, name, history)
    cuts = CutsOnRecord.of_record(history.opened.split)
    recorded = read(home.data(history.opened.split["data"]))
    key = signing_key(data)
    prepared = prepare(data.source, data.source_arguments, home, spec.base, key, cuts)
    assert prepared.test is not None
    targets = recorded.test.targets if recorded and recorded.test else ""
    return _Task(
        spec,
        members,
        Recipe(history.trainings[history.winner.trial, 0].recipe),
        prepared,
        dataclasses.replace(prepared.test, targets=targets, **history.opened.split["test"]),
        is_exempt(data, prepared),
        prepared.info.practice if data.practice is None else data.practice,
        changes_of_search(spec, history),
        key,
        history,
        recorded,
    )


def _open_and_score(home: Home, ledger: SearchLedger, history: History, task: _Task, again: str) -> _Scored:
    """Claim in the ledger, record the opening in the register, then read the test part and score.

    A crash at any point leaves at least as many openings on record as there were.
    """
    register, rows = open_register(), rows_of(task.sealed)
    recognition = None
    if task.dataset.test is not None and task.dataset.test.fingerprint == task.sealed.fingerprint:
        recognition = recognition_of(task.spec.data, task.dataset, task.spec.base, register.key)
    elsewhere = openings_in_home(home, task.dataset, register)
    key = _attempt_key(ledger, register) if history.claim else ""
    others = [
        opening
        for opening in (*elsewhere, *register.openings_of(task.sealed.fingerprint, rows, recognition))
        if opening.key != key
    ]
    if others and not again and not key:
        raise AlreadyOpened(others)  # before the claim, so that the search can still be extended
    _claim(ledger, history)
    cut = task.dataset.cut_file.read_bytes() if recognition and task.dataset.cut_file.exists() else b""
    opening = _opening(home, ledger, task, again, _attempt_key(ledger, register))
    interrupted = any(known.key == opening.key and known.state == OPENING for known in register.all())
    opening = register.begin(opening, rows, recognition, cut, elsewhere)
    try:
        scored = _recorded_score(ledger, task, opening.look, opening.reason)
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
    return _Scored(dataclasses.replace(scored.score, register=register.location), scored.details)


class NotOpened(HpoError):
    """A shipped data source could not read the test part; nobody's code has seen a row."""


class ScoreFailed(HpoError):
    """The model's predictions for the test part were seen, but no score came of them."""


def _opening(home: Home, ledger: SearchLedger, task: _Task, again: str, key: str) -> Opening:
    claim = _claimed(ledger)
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


def _claimed(ledger: SearchLedger) -> Recorded:
    (claim,) = ledger.read(kinds=[TestClaimed])
    return claim


def _attempt_key(ledger: SearchLedger, register: Register) -> str:
    """Return the key of the opening that follows from the claim.

    An attempt that was interrupted goes on under its key; after one that failed, a new one begins.
    """
    key = claim_key(ledger.name, _claimed(ledger))
    failed = [
        opening for opening in register.all() if opening.claim == key and opening.state == FAILED_OPENING
    ]
    return f"{key}/{len(failed) + 1}" if failed else key


def _recorded_score(ledger: SearchLedger, task: _Task, look: int, reason: str) -> _Scored:
    """Open the test part and score the model; a failure of its code is on record before it is raised.

    The claim stays valid: no score was known, so the mended code can score the same weights. Once the code
    has had the test rows, that is a further look.

    Raises:
        HpoError: If the trainable or its data source failed.
        Refused: If the test data changed since it was sealed.
    """
    try:
        return _score(task, look, reason)
    except (Refused, NotOpened):
        raise
    except Exception as error:
        seen = isinstance(error, ScoreFailed)
        counted = ", which counts as a look, since its code had the test rows" if seen else ""
        again = " --again --reason TEXT" if seen else ""
        command = f"`hpo test {ledger.name} --changed-code{again}`"
        text = f"{FAILED}{counted}: {_where(error)}; mend the code, and {command} scores the same weights"
        ledger.append([Warned(text)])
        raise (ScoreFailed(text) if seen else HpoError(text)) from error


def _where(error: Exception) -> str:
    """Return an error in one line with the place in the code that raised it."""
    text = " ".join("".join(traceback.format_exception_only(error)).split())[:MESSAGE]
    if isinstance(error, HpoError):
        return str(error)
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{text} (line {last.lineno} of {last.filename})"


def _score(task: _Task, look: int, reason: str) -> _Scored:
    """Open the test part and score the model."""
    spec, data = task.spec, task.spec.data
    if task.changed:
        raise Refused(refusal_of_code(spec.name, task.changed, spec.base))
    trainable = load_trainable(spec.trainable, spec.base)
    try:
        examples = open_test(
            data.source, data.source_arguments, spec.base, task.sealed, task.dataset.cut_file, task.key
        )
    except UserError as error:
        if ":" in data.source:  # a user's own source may have shown the rows before it failed
            raise
        raise NotOpened(f"{error}; `hpo test` scores the same model once the data is back") from error
    try:
        with limited_threads(spec.resources.threads):
            assessment = assess(trainable, models_of(trainable, task.members, examples.info), examples)
    except Exception as error:
        raise error if task.exempt else ScoreFailed(_where(error)) from error
    seed = derive(spec.seed, "intervals")
    blocks = RowBlocks.of(len(examples), examples.groups, examples.times)
    intervals = assessed_intervals(assessment, trainable.metrics, len(examples), seed, look, blocks)
    score = TestScored(
        scores={name: interval.to_dict() for name, interval in intervals.items()},
        n=len(examples),
        fingerprint=task.sealed.fingerprint,
        practice=task.practice,
        look=look,
        reason=reason,
        level=level_of_look(look),
        methods={name: interval.method for name, interval in intervals.items()},
    )
    return _Scored(score, _details(task, assessment, examples, trainable.metrics, look))


def _details(
    task: _Task, assessment: Assessment, examples: Examples, metrics: tuple[Metric, ...], look: int
) -> tuple[BaselinesScored | TestDescribed, ...]:
    """Return what goes on record beside the score."""
    described = description_of_test(examples, assessment)
    if task.developed is None:
        return (described,)
    baselines = baselines_of_test(
        task.spec, task.developed, task.history, examples, assessment, metrics, look, level_of_look(look)
    )
    return (baselines, described)


def _claim(ledger: SearchLedger, history: History) -> None:
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


def main() -> int:
    """Score the winner of the search named on the command line."""
    home, name = Home.at(sys.argv[1]), sys.argv[2]
    try:
        score_winner(home, name, "".join(sys.argv[3:4]), int(sys.argv[4]) if sys.argv[4:] else None)
    except HpoError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
