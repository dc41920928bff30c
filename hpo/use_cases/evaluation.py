"""The one opening of the test part: claim, open, score, record, in a process of its own.

The driver starts ``python -m hpo.use_cases.evaluation`` and never sees a test example. The claim is
one row that the ledger accepts once per search. If the process dies between claim and score, the
same claim is finished later with the same weights.
"""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
from pathlib import Path

from filelock import FileLock

from hpo.core.errors import HpoError, Refused
from hpo.core.events import End, TestClaimed, TestScored
from hpo.core.history import History, Training
from hpo.core.home import Home
from hpo.core.recipe import Recipe
from hpo.core.seeds import derive
from hpo.ledger.store import Store
from hpo.use_cases.reading import read_history


def evaluate(home: Home, name: str) -> None:
    """Score a search's winner on its test part, in a child process.

    The caller holds the search.

    Raises:
        Refused: If the test part was opened before.
        HpoError: If the child failed.
    """
    command = [sys.executable, "-P", "-m", "hpo.use_cases.evaluation", str(home.root), name]
    done = subprocess.run(command, capture_output=True, text=True, start_new_session=True, check=False)
    if done.returncode == Refused.exit_code:
        raise Refused(done.stderr.strip())
    if done.returncode:
        raise HpoError(f"the evaluation failed: {done.stderr.strip()[-3000:]}")


def score_winner(home: Home, name: str) -> None:
    """Claim the test part, open it, score the winner's fixed weights once, and record the score.

    A process that was left alone by its driver may still be at it: whoever comes second waits, and
    finds the score there.

    Raises:
        Refused: If the test part was claimed for other weights, or is not what was sealed.
    """
    ledger = Store.at(home.ledger).open(name)
    with FileLock(home.search(name).root / "evaluation.lock"):
        history = read_history(ledger)
        if history.score is not None:
            return
        training = winning_training(history)
        claim = TestClaimed(training.trial, training.replicate, training.sha256, _me())
        if ledger.claim(claim) is None:
            _same_claim(history, claim)
        ledger.append([_score(home, name, history, training)])


def _score(home: Home, name: str, history: History, training: Training) -> TestScored:
    """Open the test part and score."""
    from hpo import spec as specs
    from hpo.data.custodian import prepare
    from hpo.data.sealed import open_test
    from hpo.running import checkpoints
    from hpo.selection.intervals import score_intervals
    from hpo.use_cases.stage import load_trainable

    assert history.opened is not None
    spec = specs.parse(history.opened.spec, source=name)
    data = spec.data
    weights = checkpoints.read(home.search(name).weights / training.weights, training.sha256)
    prepared = prepare(data.source, data.arguments, home, spec.base)
    assert prepared.test is not None
    sealed = dataclasses.replace(prepared.test, **history.opened.split["test"])
    examples = open_test(data.source, data.arguments, spec.base, sealed)
    trainable = load_trainable(spec.trainable, spec.base)
    model = trainable.load(Recipe(training.recipe), weights, examples.info)
    outputs, targets = model.predict(examples), examples.targets[examples.rows]
    seed = derive(spec.seed, "intervals")
    found = score_intervals(trainable.score, trainable.metrics, outputs, targets, seed)
    return TestScored(
        scores={k: {"value": i.value, "low": i.low, "high": i.high} for k, i in found.items()},
        n=len(examples),
        fingerprint=sealed.fingerprint,
        practice=prepared.info.practice if data.practice is None else data.practice,
    )


def winning_training(history: History) -> Training:
    """The training whose weights are the model: the winner's first fresh seed, fixed before."""
    winner = history.winner
    if winner is None:
        raise HpoError("the search has no winner yet, so there is nothing to score")
    training = history.trainings[winner.trial, winner.replicate]
    assert training.end is End.FINISHED
    return training


def _same_claim(history: History, claim: TestClaimed) -> None:
    """A claim whose process died before it had a score is finished, with the weights it was for."""
    if history.claim is None or history.claim.sha256 != claim.sha256:
        raise Refused("the test part was claimed for other weights; it stays closed to these")


def _me() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def main() -> int:
    """Score the winner of the search named on the command line."""
    home, name = Home(Path(sys.argv[1])), sys.argv[2]
    try:
        score_winner(home, name)
    except HpoError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
