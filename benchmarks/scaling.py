"""The cost of a search's machinery as a function of the number of trials.

    python -m benchmarks.scaling [--trials 10000] [--samplers auto,tpe] [--json FILE]

Two parts. Suggestions: a searcher is told a number of trials, then asked (median of 15 asks, in
milliseconds of CPU time), for 8 and 32 hyperparameters. Machinery: a whole search with four workers,
conductor, rung rule, searcher and the real SQLite ledger, every event committed, trainings that cost
nothing; wall and CPU time per trial and per report in windows of trials, without the searcher's
share, which is given separately, and the growth of the process's memory per report.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import psutil

from benchmarks.search_methods import LOSS, Over
from hpo.core.events import End, Reported, SearchOpened, TrialStarted
from hpo.core.history import History
from hpo.core.ports import Searcher, TrainingTask
from hpo.core.record import Recorded
from hpo.core.rungs import rungs_of
from hpo.core.space import Parameter, Space, Uniform
from hpo.ledger.store import LedgerStore
from hpo.running.conductor import Conductor
from hpo.running.inline import Epochs, InlineRunner, VirtualClock
from hpo.running.plan import Plan
from hpo.sampling.auto import AutoSearcher
from hpo.sampling.optuna_searcher import OptunaSearcher

HORIZON = 27
RUNGS = rungs_of("leaders", 3, 3, HORIZON)
SIZES = (100, 300, 1_000, 3_000, 10_000)
ASKS = 15


def space_of(width: int) -> Space:
    """Return a space of a learning rate and hyperparameters with unknown names."""
    names = ["learning_rate", *(f"x{n}" for n in range(1, width))]
    return Space(tuple(Parameter(name, Uniform(1e-4, 1.0, log=True)) for name in names))


SAMPLERS: dict[str, Callable[[Space], Searcher]] = {
    "auto": lambda space: AutoSearcher(space, "min", 0, RUNGS, HORIZON),
    "tpe": lambda space: OptunaSearcher(space, "min", 0),
}


def curve(height: float, random: Random) -> Iterator[float]:
    """Yield a falling loss."""
    for epoch in range(1, HORIZON + 1):
        yield height + 1 / epoch + 0.05 * random.gauss(0, 1)


def training(order: TrainingTask) -> Epochs:
    """Report a falling loss, and the seconds of each epoch."""
    random = Random(order.seed)
    for value in curve(order.recipe["learning_rate"], random):
        yield {"validation/loss": value}, 1.0 + random.random()


def plan_of(rule: str, rungs: tuple[int, ...], workers: int) -> Plan:
    """Return the plan of a search that has no finalists."""
    return Plan(
        objective=LOSS, horizon=HORIZON, seed=0, recipe_of=dict, rank=lambda trials: trials,
        finals=lambda history: None, reduction_factor=3, rule=rule, worker_losses=3, same_failures=5,
        rungs=rungs, workers=workers,
    )  # fmt: skip


def suggestions(sampler: str, width: int, most: int) -> list[dict[str, Any]]:
    """Return the cost of an ask after each number of trials, most of them stopped early."""
    space, random = space_of(width), Random(0)
    searcher, telling, rows = SAMPLERS[sampler](space), 0.0, []
    for trial in range(most + 1):
        if trial in SIZES:
            spent = [_timed(lambda number=trial: searcher.ask(number)) for _ in range(ASKS)]
            rows.append(
                {
                    "what": "ask", "sampler": sampler, "width": width, "trials": trial,
                    "ms": 1e3 * float(np.median(spent)), "told_ms_per_trial": 1e3 * telling / trial,
                }
            )  # fmt: skip
        point = space.sample(random)
        epochs = random.choice((3, 3, 3, 5, 5, 9, 15, HORIZON))
        values = list(curve(point["learning_rate"], random))[:epochs]
        telling += _timed(lambda p=point, n=trial, v=values: _tell(searcher, n, p, v))
    return rows


def _tell(searcher: Searcher, trial: int, point: Any, values: list[float]) -> None:
    searcher.started(trial, point)
    for epoch, value in enumerate(values, 1):
        searcher.report(trial, epoch, value)
    searcher.tell(trial, End.FINISHED if len(values) == HORIZON else End.STOPPED, min(values))


def _timed(call: Callable[[], Any]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


class Timed:
    """A searcher that adds up its own time."""

    def __init__(self, searcher: Searcher):
        self._searcher = searcher
        self.spent = self.worked = 0.0

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._searcher, name)
        if not callable(method):
            return method

        def timed(*arguments: Any) -> Any:
            began, at_work = time.perf_counter(), time.process_time()
            try:
                return method(*arguments)
            finally:
                self.spent += time.perf_counter() - began
                self.worked += time.process_time() - at_work

        return timed


class Windows:
    """Takes the time at the start of each window of trials."""

    def __init__(self, searcher: Timed, most: int):
        self._searcher, self._most, self._reports = searcher, most, 0
        self.marks: list[tuple[int, int, float, float, float, int]] = []
        self._next = 0
        self._memory = psutil.Process()

    def __call__(self, recorded: Recorded, history: History) -> None:
        """Handle an event."""
        self._reports += isinstance(recorded.event, Reported)
        if isinstance(recorded.event, TrialStarted) and recorded.event.trial == self._next:
            memory = self._memory.memory_info().rss
            wall = time.perf_counter() - self._searcher.spent
            work = time.process_time() - self._searcher.worked
            self.marks.append((self._next, self._reports, wall, work, self._searcher.spent, memory))
            self._next += max(50, self._next // 4)
            if recorded.event.trial >= self._most:
                raise Over


def machinery(sampler: str, most: int, folder: Path) -> list[dict[str, Any]]:
    """Return the cost of everything but the training, in windows of trials."""
    store = LedgerStore(f"sqlite:///{folder / 'ledger.db'}")
    ledger = store.create("scaling", SearchOpened({}, "", {}, {}))
    searcher = Timed(SAMPLERS[sampler](space_of(8)))
    clock, windows = VirtualClock(), Windows(searcher, most)
    conductor = Conductor(plan_of("leaders", RUNGS, 4), ledger, searcher, clock, windows)
    conductor.replay(ledger.read())
    with contextlib.suppress(Over):
        InlineRunner(training, 4, clock).run(conductor)
    return [_window(sampler, a, b) for a, b in zip(windows.marks, windows.marks[1:], strict=False)]


def _window(sampler: str, a: tuple[Any, ...], b: tuple[Any, ...]) -> dict[str, Any]:
    trials, reports, wall, work, asking, growth = (end - start for start, end in zip(a, b, strict=True))
    return {
        "what": "machinery", "sampler": sampler, "trials": b[0],
        "ms_per_trial": 1e3 * wall / trials, "ms_per_report": 1e3 * wall / reports,
        "cpu_ms_per_trial": 1e3 * work / trials, "cpu_ms_per_report": 1e3 * work / reports,
        "searcher_ms_per_trial": 1e3 * asking / trials, "bytes_per_report": growth / reports,
    }  # fmt: skip


def _printed(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for row in rows:
        shown = (f"{name} {v:.3g}" if isinstance(v, float) else f"{name} {v}" for name, v in row.items())
        print("  ".join(shown), flush=True)
    return rows


def main() -> None:
    """Print both parts and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--trials", type=int, default=10_000)
    parser.add_argument("--samplers", default="auto")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for sampler in args.samplers.split(","):
        for width in (8, 32):
            rows += _printed(suggestions(sampler, width, args.trials))
        with tempfile.TemporaryDirectory() as folder:
            rows += _printed(machinery(sampler, args.trials, Path(folder)))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
