"""The time left that the live table and `hpo status` estimate, compared with how long searches then took.

    python -m benchmarks.estimates LEDGER_OR_FOLDER ... [--least-seconds 5] [--least-trials 3]

Every search on record that ran to its end in one session is replayed, event by event with its times, through
the product's own estimator: the moments are shares of the search phase's budget. The truth is inside the
estimate, within a factor of 1.5 of its ends, or further off; a range whose ends are more than a factor of
4 apart does not count. Copies of a ledger count once. The ledgers are copied before they are read; nothing
is trained.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hpo.core.errors import HpoError
from hpo.core.events import SearchEnded, SearchOpened, SearchResumed, TestClaimed
from hpo.core.history import History
from hpo.core.progress import progress_of
from hpo.core.record import Recorded
from hpo.core.time_left import Prospects, TimeLeft, expected_epochs, time_left
from hpo.ledger.searches import objective_of, opened_of
from hpo.ledger.store import LedgerStore

SHARES = (0.1, 0.3, 0.6)
FACTOR = 1.5
WIDEST = 4.0
KINDS = ("inside", "within 1.5", "too wide", "further off", "none")


def kind_of(left: TimeLeft, true: float) -> str:
    """Return how good an estimate is, one of `KINDS`; half a second is the resolution of what is shown."""
    if not left.known:
        return "none"
    if left.high > WIDEST * max(left.low, 1.0):
        return "too wide"
    if left.low - 0.5 <= true <= left.high + 0.5:
        return "inside"
    near = left.low / FACTOR - 0.5 <= true <= left.high * FACTOR + 0.5
    return "within 1.5" if near else "further off"


def records(paths: list[Path], seconds: float, trials: int) -> Iterator[tuple[str, list[Recorded], History]]:
    """Yield label, events and final state of each search that ran to its end in one session."""
    seen = set()
    ledgers = [file for path in paths for file in ([path] if path.is_file() else path.rglob("ledger.db"))]
    for file in sorted(ledgers):
        with tempfile.TemporaryDirectory() as folder:
            for label, record in _searches(file, Path(folder) / "ledger.db"):
                times = tuple(recorded.time for recorded in record)
                kinds = {type(recorded.event) for recorded in record}
                whole = SearchEnded in kinds and SearchResumed not in kinds and _complete(record)
                if times in seen or not whole:
                    continue
                seen.add(times)
                history = History.of(record, objective_of(record[0].event))
                done = history.ended is not None and history.ended.status == "done"
                if done and history.active >= seconds and len(history.trials) >= trials:
                    yield label, record, history


def _complete(record: list[Recorded]) -> bool:
    """Whether the spec on record is one that a user wrote, and not a part of one that a test made up."""
    first = record[0].event
    return isinstance(first, SearchOpened) and {"objective", "scheduler", "budget"} <= first.spec.keys()


def _searches(file: Path, copy: Path) -> Iterator[tuple[str, list[Recorded]]]:
    """Yield the searches of a ledger, which is copied first."""
    try:
        with sqlite3.connect(f"file:{file}?mode=ro", uri=True) as source, sqlite3.connect(copy) as target:
            source.backup(target)
        store = LedgerStore.at(copy)
        for name in store.names():
            ledger = store.open(name)
            opened_of(ledger)
            yield f"{file.parent.name}/{name}", list(ledger.read())
    except (HpoError, sqlite3.Error, KeyError) as error:
        print(f"{file}: left out: {error}")


def estimates(record: list[Recorded]) -> Iterator[tuple[float, TimeLeft, float]]:
    """Yield share of the budget, estimate and truth, as the live table would have them."""
    history = History(objective_of(record[0].event))
    tested = any(isinstance(recorded.event, TestClaimed) for recorded in record)
    prospects, stride, due = None, max(1, len(record) // 300), list(SHARES)
    for number, recorded in enumerate(record):
        history.apply(recorded)
        prospects = prospects or Prospects(expected_epochs(history), tested=tested)
        if not due or number % stride:
            continue
        share = 1.0 if history.finalists else progress_of(history).share
        while due and share >= due[0]:
            yield due.pop(0), time_left(history, prospects), record[-1].time - recorded.time


def main() -> None:
    """Replay the records and print what was estimated."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("ledgers", nargs="+", type=Path)
    parser.add_argument("--least-seconds", type=float, default=5.0)
    parser.add_argument("--least-trials", type=int, default=3)
    chosen = parser.parse_args()
    table: dict[float, list[str]] = {share: [] for share in SHARES}
    for label, record, history in records(chosen.ledgers, chosen.least_seconds, chosen.least_trials):
        print(f"{label}: {len(history.trials)} trials, {history.active:.0f} s", flush=True)
        for share, left, true in estimates(record):
            kind = kind_of(left, true)
            table[share].append(kind)
            print(f"  at {share:.0%}: {left.low:.0f} to {left.high:.0f} s for {true:.0f}: {kind}", flush=True)
    print("| budget spent | searches |", " | ".join(KINDS), "|")
    print("| --- " * (len(KINDS) + 2) + "|")
    for share, row in table.items():
        print(f"| {share:.0%} | {len(row)} |", " | ".join(str(row.count(kind)) for kind in KINDS), "|")


if __name__ == "__main__":
    main()
