"""Does a search's scheduling loop wait for a tracking server that does not answer?

    python -m benchmarks.outage [--pairs 10] [--trials 300] [--json FILE]

Pairs of the same search, in either order: mirrored to its home's own store, and with
``MLFLOW_TRACKING_URI`` naming a server that never answers: a closed port, and in every other pair
one that accepts connections and does not respond. The real mirror follows the real ledger; the
trainings cost nothing and come from the inline runner, so that only the loop is timed. The figure is the wall
time of the loop; the wait for the mirror at the end of a search is given separately.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.write_path import searched
from hpo import spec as specs
from hpo.core.events import SearchOpened
from hpo.core.home import Home
from hpo.ledger.store import LedgerStore
from hpo.use_cases.search.mirror_process import mirror_running

HERE = Path(__file__).resolve().parent
DOCUMENT = {
    "version": 1,
    "data": {"source": "digits"},
    "trainable": "trivial:Trivial",
    "space": {"x": {"uniform": [0.0, 1.0]}},
    "scheduler": {"name": "asha", "max_epochs": 27, "first_rung": 1},
    "budget": {"trials": 300},
}


def timed(trials: int, address: str) -> tuple[float, float]:
    """Return the seconds of the loop, and of the wait for the mirror at its end."""
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    if address:
        os.environ["MLFLOW_TRACKING_URI"] = address
    with tempfile.TemporaryDirectory() as folder:
        home = Home.at(Path(folder) / "home").create()
        store = LedgerStore.at(home.ledger)
        opened = SearchOpened(specs.parse_spec(DOCUMENT, base=HERE).document, "d", {}, {})
        ledger = store.create("outage", opened)
        home.search(ledger.name).root.mkdir(parents=True)
        with mirror_running(home, ledger):
            began = time.perf_counter()
            searched(trials, ledger, lambda number: None)
            ended = time.perf_counter()
        store.close()
        return ended - began, time.perf_counter() - ended


def main() -> None:
    """Print all pairs and the median of their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--trials", type=int, default=300)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    pairs = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        silent = f"http://127.0.0.1:{listener.getsockname()[1]}"
        for number in range(args.pairs):
            address = "http://127.0.0.1:9" if number % 2 else silent
            sides = ("", address) if number % 4 < 2 else (address, "")
            spent = {side: timed(args.trials, side) for side in sides}
            pairs.append({"own": spent[""], "away": spent[address], "address": address})
            print(
                f"own store {spent[''][0]:.2f} s (end {spent[''][1]:.1f}), "
                f"{'closed' if number % 2 else 'silent'} server {spent[address][0]:.2f} s "
                f"(end {spent[address][1]:.1f})",
                flush=True,
            )
    ratios = [pair["away"][0] / pair["own"][0] for pair in pairs]
    print(f"median ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")
    if args.json:
        args.json.write_text(json.dumps({"pairs": pairs, "ratio": statistics.median(ratios)}) + "\n")


if __name__ == "__main__":
    main()
