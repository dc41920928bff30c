"""The one opening of the test part: claim, open, score, record, in a process of its own.

The driver starts ``python -m hpo.use_cases.evaluation`` and never sees a test example. The claim is
one row that the ledger accepts once per search. If the process dies between claim and score, the
same claim is finished later with the same weights.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from hpo.core.errors import HpoError, Refused
from hpo.core.events import End, TestClaimed, TestScored
from hpo.core.history import History, Training
from hpo.core.home import Home
from hpo.core.recipe import Recipe
from hpo.core.seeds import derive
from hpo.ledger.store import Store


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


def score_winner(home: Home, name: str) -> TestScored:
    """Claim the test part, open it, score the winner's fixed weights once, and record the score.

    Raises:
        Refused: If it was scored before, or the test data is not what was sealed.
    """
    from hpo import spec as specs
    from hpo.data.custodian import prepare
    from hpo.data.sealed import open_test
    from hpo.running import checkpoints
    from hpo.selection.intervals import score_intervals
    from hpo.use_cases.reading import read_history
    from hpo.use_cases.stage import load_trainable

    store = Store.at(home.ledger)
    ledger = store.open(name)
    history = read_history(ledger)
    assert history.opened is not None
    spec = specs.parse(history.opened.spec)
    training = winning_training(history)
    weights = checkpoints.read(home.search(name).weights / training.weights, training.sha256)
    claim = TestClaimed(training.trial, training.replicate, training.sha256, _me())
    if ledger.claim(claim) is None:
        _finish_only(read_history(ledger), claim)
    prepared = prepare(spec.data.source, spec.data.arguments, home, spec.base)
    assert prepared.test is not None
    examples = open_test(spec.data.source, spec.data.arguments, spec.base, prepared.test)
    trainable = load_trainable(spec.trainable, spec.base)
    model = trainable.load(Recipe(training.recipe), weights, examples.info)
    outputs = model.predict(examples)
    targets = examples.targets[examples.rows]
    found = score_intervals(
        trainable.score, trainable.metrics, outputs, targets, derive(spec.seed, "intervals")
    )
    practice = spec.data.practice if spec.data.practice is not None else prepared.info.practice
    scored = TestScored(
        scores={k: {"value": i.value, "low": i.low, "high": i.high} for k, i in found.items()},
        n=len(examples),
        fingerprint=prepared.test.fingerprint,
        practice=practice,
    )
    ledger.append([scored])
    store.close()
    return scored


def winning_training(history: History) -> Training:
    """The training whose weights are the model: the winner's first fresh seed, fixed before."""
    winner = history.winner
    if winner is None:
        raise HpoError("the search has no winner yet, so there is nothing to score")
    training = history.trainings[winner.trial, winner.replicate]
    assert training.end is End.FINISHED
    return training


def _finish_only(history: History, claim: TestClaimed) -> None:
    """An earlier claim may be finished, with the weights it was made for."""
    if history.score is not None:
        raise Refused(f"the test part was opened before: {_said(history.score)}")
    assert history.claim is not None
    if history.claim.sha256 != claim.sha256:
        raise Refused("the test part was claimed for other weights; it stays closed to these")


def _said(score: TestScored) -> str:
    return ", ".join(
        f"{metric} {each['value']:.4f} [{each['low']:.4f}, {each['high']:.4f}]"
        for metric, each in score.scores.items()
    )


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
