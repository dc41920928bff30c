"""The cost of writing every report to disk before it is acted on.

    python -m benchmarks.write_path [--trials 100,1000,10000] [--folder DIR] [--json FILE]

Whole searches of one worker whose trainings cost nothing, with the conductor, ASHA and random search,
on the real SQLite ledger in DIR, each compared with the same search without a ledger. The conductor's
answer to a report is timed: commit, judge, verdict. From time to time a page of a file in DIR is
overwritten and flushed, as a lower bound for a commit. Wall time, milliseconds; of the hash chain, which
is computed again over the whole record afterwards, microseconds of CPU time an event and their ratio to
the median report.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any

from hpo.core.chain import link_of_all, start_of
from hpo.core.events import Event, SearchOpened
from hpo.core.objective import Objective
from hpo.core.ports import Follow, Ledger, TrainingTask
from hpo.core.record import Recorded
from hpo.core.rungs import milestones
from hpo.core.space import Parameter, Space, Uniform
from hpo.ledger.store import LedgerStore, SearchLedger
from hpo.running.conductor import Conductor
from hpo.running.inline import Epochs, InlineRunner, VirtualClock
from hpo.running.plan import Plan
from hpo.sampling.non_adaptive import RandomSearcher

HORIZON = 27
PAGE = b"x" * 4096
EVERY = 20
"""Number of reports between two flushes of the page."""


class NoLedger:
    """A ledger that numbers events and keeps none."""

    def __init__(self) -> None:
        self._last = 0

    def append(self, new: Sequence[Event], then: Follow | None = None) -> list[Recorded]:
        """Number events and the events that follow from them."""
        numbered: list[Recorded] = []
        while new:
            batch = [Recorded(self._last + number, 0.0, event) for number, event in enumerate(new, 1)]
            self._last += len(batch)
            numbered += batch
            new = then(batch) if then else ()
        return numbered

    def read(self, after: int = 0) -> Any:
        """Return nothing: no event is kept."""
        return iter(())


def curve(order: TrainingTask) -> Epochs:
    """Yield a noisily rising curve."""
    random = Random(order.seed)
    for epoch in range(1, HORIZON + 1):
        score = order.recipe["height"] * (1 - 0.7**epoch) + 0.05 * random.gauss(0, 1)
        yield {"validation/score": score, "validation/loss": -score, "train/loss": -score}, 1.0


def searched(trials: int, ledger: Ledger, between: Callable[[int], None]) -> list[float]:
    """Run a search and return the seconds of each report."""
    plan = Plan(
        objective=Objective("score", "max"), horizon=HORIZON, seed=0, recipe_of=dict,
        rank=lambda trials: trials, finals=lambda history: None, rungs=milestones(1, 3, HORIZON),
        reduction_factor=3, rule="asha", worker_losses=3, same_failures=5, trials=trials,
    )  # fmt: skip
    space, clock, spent = Space((Parameter("height", Uniform(0.0, 1.0)),)), VirtualClock(), []
    conductor = Conductor(plan, ledger, RandomSearcher(space, 0), clock)
    answer = conductor.reported

    def timed(*arguments: Any, **named: Any) -> bool:
        began = time.perf_counter()
        goes_on = answer(*arguments, **named)
        spent.append(time.perf_counter() - began)
        between(len(spent))
        return goes_on

    conductor.reported = timed  # type: ignore[method-assign]
    InlineRunner(curve, 1, clock).run(conductor)
    return spent


def measured(trials: int, folder: Path) -> dict[str, Any]:
    """Run the same search with and without a ledger, and time the disk's flushes."""
    unrecorded = searched(trials, NoLedger(), lambda number: None)
    flushes: list[float] = []
    page = os.open(folder / "page", os.O_CREAT | os.O_WRONLY)
    os.write(page, PAGE)
    os.fsync(page)

    def flush(number: int) -> None:
        if number % EVERY == 0:
            os.pwrite(page, PAGE, 0)
            began = time.perf_counter()
            os.fdatasync(page)
            flushes.append(time.perf_counter() - began)

    store = LedgerStore.at(folder / "ledger.db")
    ledger = store.create("timed", SearchOpened({}, "", {}, {}))
    kept = searched(trials, ledger, flush)
    chain = chained(ledger)
    store.close()
    os.close(page)
    tenth = max(1, len(kept) // 10)
    return {
        "trials": trials,
        "reports": len(kept),
        "no ledger": shown(unrecorded),
        "ledger": shown(kept),
        "first tenth": shown(kept[:tenth]),
        "last tenth": shown(kept[-tenth:]),
        "flush alone": shown(flushes),
        "chain": [round(1e6 * chain, 2), round(chain / statistics.median(kept), 4)],
    }


def chained(ledger: SearchLedger) -> float:
    """Return the CPU seconds for each event of its digest and its link."""
    events = ledger.stored()
    began = time.process_time()
    head = link_of_all(start_of(ledger.name), events)
    spent = time.process_time() - began
    assert head == events[-1].link, "the chain does not match its events"
    return spent / len(events)


def shown(seconds: Sequence[float]) -> list[float]:
    """Return the median and 95th percentile in milliseconds."""
    ranked = sorted(seconds)
    return [round(1e3 * statistics.median(ranked), 3), round(1e3 * ranked[int(0.95 * len(ranked))], 3)]


def main() -> None:
    """Print one line per number of trials."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", default="100,1000,10000")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows = []
    for trials in map(int, args.trials.split(",")):
        with tempfile.TemporaryDirectory(dir=args.folder) as folder:
            rows.append(measured(trials, Path(folder)))
        print(*(f"{name} {value}" for name, value in rows[-1].items()), sep="  ", flush=True)
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
