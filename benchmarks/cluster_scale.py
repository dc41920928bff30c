"""The cost of a search on many workers that fail now and then, with the product's own conductor.

    python -m benchmarks.cluster_scale [--trials 10000] [--workers 200] [--failures 0.002] [--json FILE]

A search with random proposals, the default rule (promote) and the SQLite ledger, every event committed; its
workers are simulated under a virtual clock, so that the only work is that of the search itself. A share of
the reports is followed by the loss of the worker: its node is lost or preempted, or its process dies. Each
tenth of the trials gives a row: CPU time per trial and per report without the proposals, that of the
proposals apart, and the memory of the process. The last line says how busy the workers were in virtual time,
and from which length of a trial on one driver keeps them busy.
"""

from __future__ import annotations

import argparse
import contextlib
import heapq
import json
import tempfile
import time
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import psutil

from benchmarks.scaling import HORIZON, Timed, plan_of, space_of, training
from benchmarks.search_methods import Over
from hpo.core.events import LossCause, Reported, SearchOpened, TrialStarted, WorkerLost
from hpo.core.history import History
from hpo.core.record import Recorded
from hpo.core.rungs import rungs_of
from hpo.ledger.store import LedgerStore
from hpo.running.conductor import Conductor
from hpo.running.inline import InlineRunner, VirtualClock
from hpo.sampling.non_adaptive import RandomSearcher

CAUSES = (LossCause.NODE_LOST, LossCause.PREEMPTED, LossCause.PREEMPTED, LossCause.WORKER_LOST)


class UnreliableRunner(InlineRunner):
    """Loses a worker after a share of the reports; the training continues where it stood on another one."""

    def __init__(self, train: Any, workers: int, clock: VirtualClock, failures: float):
        super().__init__(train, workers, clock)
        self._failures, self._random = failures, Random(0)
        self.busy = 0.0
        self._at = 0.0

    def _deliver(self, conductor: Conductor, arrival: Any) -> None:
        self.busy += len(self._running) * (self._clock.now - self._at)
        self._at = self._clock.now
        super()._deliver(conductor, arrival)
        key = arrival.key
        if key in self._running and self._random.random() < self._failures:
            self._lose(conductor, key)

    def _lose(self, conductor: Conductor, key: Any) -> None:
        """Have a training continued by another worker, from its last report."""
        pending = next(arrival for arrival in self._arrivals if arrival.key == key)
        self._arrivals.remove(pending)
        heapq.heapify(self._arrivals)
        _, epoch, epochs = self._running.pop(key)
        if pending.report is None:
            self._paused[key] = epoch, epochs
        else:
            step = pending.report.metrics, pending.report.seconds
            self._paused[key] = epoch - 1, chain([step], epochs)
        conductor.lost(key, "simulated", self._random.choice(CAUSES))


class Tenths:
    """Takes CPU time and memory after each tenth of the trials."""

    def __init__(self, searcher: Timed, trials: int):
        self._searcher, self._trials, self._step = searcher, trials, max(1, trials // 10)
        self._reports = self.losses = 0
        self._process = psutil.Process()
        self.marks: list[tuple[int, int, float, float, float]] = []

    def __call__(self, recorded: Recorded, history: History) -> None:
        """Handle an event."""
        self._reports += isinstance(recorded.event, Reported)
        self.losses += isinstance(recorded.event, WorkerLost)
        if not isinstance(recorded.event, TrialStarted) or recorded.event.trial % self._step:
            return
        asking = self._searcher.worked
        memory = self._process.memory_info().rss / 2**20
        number = recorded.event.trial
        self.marks.append((number, self._reports, time.process_time() - asking, asking, memory))
        if number >= self._trials:
            raise Over

    @property
    def rows(self) -> list[dict[str, float]]:
        """A row for each tenth."""
        return [
            {
                "trials": after[0],
                "cpu_ms_per_trial": 1e3 * (after[2] - before[2]) / (after[0] - before[0]),
                "cpu_ms_per_report": 1e3 * (after[2] - before[2]) / max(1, after[1] - before[1]),
                "reports_per_trial": (after[1] - before[1]) / (after[0] - before[0]),
                "proposal_ms_per_trial": 1e3 * (after[3] - before[3]) / (after[0] - before[0]),
                "memory_mib": after[4],
            }
            for before, after in zip(self.marks, self.marks[1:], strict=False)
        ]


def simulate(trials: int, workers: int, failures: float, folder: Path) -> dict[str, Any]:
    """Run the search; return its rows, the losses, and the share of time in which the workers trained."""
    store = LedgerStore(f"sqlite:///{folder / 'ledger.db'}")
    ledger = store.create("scale", SearchOpened({}, "", {}, {}))
    space = space_of(8)
    searcher = Timed(RandomSearcher(space, 0))
    plan = plan_of("promote", rungs_of("promote", 1, 3, HORIZON), workers)
    clock, tenths = VirtualClock(), Tenths(searcher, trials)
    conductor = Conductor(plan, ledger, searcher, clock, tenths)
    conductor.replay(ledger.read())
    runner = UnreliableRunner(training, workers, clock, failures)
    with contextlib.suppress(Over):
        runner.run(conductor)
    store.close()
    size = (folder / "ledger.db").stat().st_size / 2**20
    return {
        "rows": tenths.rows,
        "losses": tenths.losses,
        "busy": runner.busy / (workers * clock.now),
        "ledger_mib": size,
    }


def main() -> None:
    """Print and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=200)
    parser.add_argument("--failures", type=float, default=0.002)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = simulate(options.trials, options.workers, options.failures, Path(folder))
    for row in result["rows"]:
        print("  ".join(f"{name} {value:.4g}" for name, value in row.items()))
    print(f"losses {result['losses']}  busy {result['busy']:.4f}  ledger {result['ledger_mib']:.1f} MiB")
    if options.json:
        options.json.write_text(json.dumps(vars(options) | result, indent=1, default=str) + "\n")


if __name__ == "__main__":
    main()
