"""The driver's cost in a long search: CPU time, wall time and memory in each tenth of its trials.

    python -m benchmarks.growth [--trials 10000] [--json FILE]

A whole search of trivial trainings, with Ray, ledger and mirror. Other work on the machine disturbs the wall
time far more than the driver's own CPU time.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import psutil

from benchmarks.overhead import ours
from hpo.core.events import TrialEnded
from hpo.core.history import History
from hpo.core.record import Recorded


class Tenths:
    """Takes the driver's CPU time and memory after the first trial and after each tenth.

    Args:
        trials: Number of trials.
    """

    def __init__(self, trials: int):
        self._step = max(1, trials // 10)
        self._ended = 0
        self._driver = psutil.Process()
        self._marks: list[tuple[int, float, float, float]] = []

    def begin(self, search: str) -> None:
        """Receive the search's name."""

    def event(self, recorded: Recorded, history: History) -> None:
        """Count the ends of trials."""
        if isinstance(recorded.event, TrialEnded) and not recorded.event.replicate:
            self._ended += 1
            if self._ended == 1 or self._ended % self._step == 0:
                memory = self._driver.memory_info().rss / 2**20
                self._marks.append((self._ended, time.process_time(), time.time(), memory))

    @property
    def rows(self) -> list[dict[str, float]]:
        """A row for each tenth."""
        return [
            {
                "trials": after[0],
                "cpu_ms_per_trial": 1e3 * (after[1] - before[1]) / (after[0] - before[0]),
                "wall_ms_per_trial": 1e3 * (after[2] - before[2]) / (after[0] - before[0]),
                "memory_mib": after[3],
            }
            for before, after in zip(self._marks, self._marks[1:], strict=False)
        ]


def main() -> None:
    """Print a row for each tenth of a search, and write them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    tenths = Tenths(options.trials)
    ours(options.trials, tenths)
    for row in tenths.rows:
        print("  ".join(f"{name} {value:.4g}" for name, value in row.items()))
    if options.json:
        options.json.write_text(json.dumps(tenths.rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
