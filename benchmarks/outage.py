"""Whether a search waits for a tracking server that is not there.

    python -m benchmarks.outage [--pairs 10] [--trials 150] [--json FILE]

Pairs of the same search of trivial trainings, alternating: shown in its home's own store, and with
``MLFLOW_TRACKING_URI`` naming a server that never answers: one half of the pairs a port where nobody
listens, the other one that takes connections and says nothing. Wall time from the first report to
the last trial's end, which is when the scheduling loop runs.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve()


def searched(trials: int) -> float:
    """Seconds of the loop of one search."""
    from hpo import spec as specs
    from hpo.core import events
    from hpo.core.home import Home
    from hpo.ledger.store import Store
    from hpo.use_cases.submit import submit

    document = {
        "version": 1,
        "data": {"source": "digits"},
        "trainable": "trivial:Trivial",
        "space": {"x": {"uniform": [0.0, 1.0]}},
        "sampler": {"name": "random"},
        "scheduler": {"name": "none", "max_epochs": 3},
        "budget": {"trials": trials},
        "finalists": {"count": 1, "seeds": 1},
        "resources": {"trials_at_once": 2},
    }
    with tempfile.TemporaryDirectory() as folder:
        home = Home.at(Path(folder) / "home")
        outcome = submit(specs.parse(document, base=HERE.parent), home=home, unseal=False)
        record = list(Store.at(home.ledger).open(outcome.search).read())
    own = [e for e in record if getattr(e.event, "replicate", 0) == 0]
    first = next(e.time for e in own if isinstance(e.event, events.Reported))
    return max(e.time for e in own if isinstance(e.event, events.TrialEnded)) - first


def in_a_process(trials: int, address: str) -> float:
    """The same in a process of its own."""
    own = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}
    command = [sys.executable, "-m", "benchmarks.outage", "--one", "--trials", str(trials)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env={**own, **({"MLFLOW_TRACKING_URI": address} if address else {})},
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return float(done.stdout.split()[-1])


def main() -> None:
    """Print every pair and the median of their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(searched(asked.trials))
        return
    pairs = []
    with ExitStack() as stack:
        mute = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = mute.getsockname()[1]
        for number in range(asked.pairs):
            address = "http://127.0.0.1:9" if number % 2 else f"http://127.0.0.1:{port}"
            sides = ("", address) if number % 4 < 2 else (address, "")
            spent = {side: in_a_process(asked.trials, side) for side in sides}
            pairs.append((spent[""], spent[address]))
            print(f"own store {pairs[-1][0]:.2f} s, {address} {pairs[-1][1]:.2f} s", flush=True)
    ratios = [away / own for own, away in pairs]
    print(f"median ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")
    if asked.json:
        asked.json.write_text(json.dumps({"pairs": pairs, "ratio": statistics.median(ratios)}) + "\n")


if __name__ == "__main__":
    main()
