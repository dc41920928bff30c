"""The number of epochs a search needs to match random search with full trainings.

    python -m benchmarks.search_quality --curves FOLDER [--budget 20,50,100] [--workers 1,4,16]
        [--seeds 10] [--first-seed 100] [--methods ours,...] [--json FILE] [--cache FOLDER] [--shipped]

Speed-up: the epochs of ``budget`` full trainings divided by the epochs a method spends until one of
its reports is as good as the median best value of independent random searches with that budget. A
target not reached within ``--give-up`` times the budget counts as reached at that point, and the
share of such searches is shown. A task's speed-up is that of its median search, a family's the
geometric mean over its tasks, a suite's the geometric mean over its families. Intervals are 95 %
bootstrap intervals over seeds, and over families as well for a suite. A method with several first rungs
shows the better one per suite; ``NAME/3`` asks for the first rung 3 alone, ``NAME/auto`` for the one that
follows from the horizon. The settings of each method are printed before the tables. A suite's row ends
with the product's speed-up on the same tasks.

Any report can be the lucky epoch of a trial that is never trained to its end. With ``--shipped`` only fully
trained trials count, by their best epoch: the value of the incumbent that would be shipped. In the record,
and for `benchmarks.paired_gain`, such searches are named ``shipped:METHOD``.

Every search is saved in the cache folder when it ends, so that the table can be printed again.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.curve_tasks import Task, targets_of, tasks_of
from benchmarks.search_methods import METHODS, Method, named
from hpo.core import seeds


@dataclass(frozen=True, order=True)
class Cell:
    """One entry of the comparison."""

    method: str
    task: str
    budget: int
    workers: int


@dataclass(frozen=True)
class Search:
    """One search's figures.

    Attributes:
        speedup: Epochs of the budget over epochs spent.
        missed: Whether the target was not reached.
        test_gain: Whether its pick was at least as good on the test part as random search's median pick.
    """

    speedup: float
    missed: bool
    test_gain: bool


class Runs:
    """Finished searches, one JSON line each, looked up by their settings."""

    def __init__(self, path: Path, until: float):
        self._path = path
        self._until = until
        self._runs: dict[str, dict[str, Any]] = {}
        if path.exists():
            for line in path.read_text().splitlines():
                run = json.loads(line)
                self._runs[run["key"]] = run

    def get(
        self, cell: Cell, tried: Method, task: Task, target: float, give_up: int, seed: int, shipped: bool
    ) -> dict[str, Any] | None:
        """Return a search, run now unless it is on record; None if there is no time left."""
        name = f"shipped:{cell.method}" if shipped else cell.method
        key = f"{name} {task.name} {target:.6g} {give_up} {cell.workers} {seed}"
        if key not in self._runs:
            if time.monotonic() > self._until:
                return None
            task_seed = (
                seeds.derive(seed, "benchmark", task.name) % 2**31
            )  # different first proposals per task
            outcome = tried.run(task, task_seed, cell.workers, target, give_up, shipped)
            self._runs[key] = {"key": key, **vars(outcome)}
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a") as file:
                file.write(json.dumps(self._runs[key]) + "\n")
        return self._runs[key]


def median(speedups: Sequence[float]) -> float:
    """Return the speed-up of the search with the median number of epochs."""
    return float(1 / np.median(1 / np.asarray(speedups)))


def geometric(values: Iterable[float]) -> float:
    """Return the geometric mean."""
    return float(np.exp(np.mean(np.log(list(values)))))


Family = Sequence[Sequence[float]]
"""The speed-ups of a family's searches, task by task."""


def family_mean(family: Family) -> float:
    """Return the geometric mean of the tasks' medians."""
    return geometric(median(speedups) for speedups in family)


def interval(families: Sequence[Family], draws: int = 1000) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the geometric mean of families, over families and seeds."""
    rng = np.random.default_rng(0)
    chosen = rng.integers(0, len(families), (draws, len(families)))
    logs = np.empty(chosen.shape)
    for number, family in enumerate(families):
        positions = chosen == number
        count = int(positions.sum())
        tasks = [rng.choice(1 / np.asarray(task), (count, len(task))) for task in family]
        logs[positions] = np.mean([-np.log(np.median(drawn, axis=1)) for drawn in tasks], axis=0)
    low, high = np.quantile(np.exp(logs.mean(axis=1)), (0.025, 0.975))
    return float(low), float(high)


def rows_of(found: dict[Cell, list[Search]], tasks: Sequence[Task]) -> list[dict[str, Any]]:
    """Return the JSON rows: one per task, and one per suite as task ``geometric mean``."""
    rows: list[dict[str, Any]] = []
    by_name = {task.name: task for task in tasks}
    groups: dict[tuple[Any, ...], dict[str, list[list[Search]]]] = defaultdict(lambda: defaultdict(list))
    for cell, searches in found.items():
        task = by_name[cell.task]
        groups[task.suite, cell.method, cell.budget, cell.workers][task.family].append(searches)
        rows.append(
            _row(task.suite, task.name, cell.method, cell.budget, cell.workers, [[searches]])
            | {"family": task.family}
        )
    for (suite, method, budget, workers), families in sorted(groups.items()):
        row = _row(suite, "geometric mean", method, budget, workers, [*families.values()])
        means = [family_mean(_speedups(family)) for family in families.values()]
        count = sum(len(family) for family in families.values())
        rows.append(row | {"worst": min(means), "families": len(means), "tasks": count})
    return rows


def _speedups(family: Sequence[Sequence[Search]]) -> list[list[float]]:
    return [[search.speedup for search in searches] for searches in family]


def _row(
    suite: str, task: str, method: str, budget: int, workers: int, families: list[list[list[Search]]]
) -> dict[str, Any]:
    cells = [searches for family in families for searches in family]
    every = [search for searches in cells for search in searches]
    speedups = [_speedups(family) for family in families]
    low, high = interval(speedups)
    return {
        "suite": suite,
        "task": task,
        "method": method,
        "budget": budget,
        "workers": workers,
        "speedup": geometric(map(family_mean, speedups)),
        "low": low,
        "high": high,
        "missed": float(np.mean([search.missed for search in every])),
        "test_as_good": float(np.mean([search.test_gain for search in every])),
        "seeds": min(len(searches) for searches in cells),
        "searches": len(every),
    }


def best_first_rungs(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Keep the rows of each method's best first rung per suite, budget and number of workers."""
    best: dict[tuple[Any, ...], tuple[float, str]] = {}
    for row in rows:
        if row["task"] == "geometric mean":
            cell = (row["suite"], row["budget"], row["workers"], row["method"].split("/")[0])
            best[cell] = max(best.get(cell, (0.0, "")), (row["speedup"], row["method"]))
    kept = []
    for row in rows:
        name = row["method"].split("/")[0]
        if best[row["suite"], row["budget"], row["workers"], name][1] == row["method"]:
            kept.append(row | {"method": name, "first_rung": row["method"].split("/")[1]})
    return kept


def beside_ours(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to the suites' rows the product's speed-up on the same tasks, where it was run."""
    speeds: dict[tuple[Any, ...], dict[str, float]] = defaultdict(dict)
    family_of = {row["task"]: row["family"] for row in rows if "worst" not in row}
    for row in rows:
        if "worst" not in row:
            speeds[row["suite"], row["budget"], row["workers"], row["method"]][row["task"]] = row["speedup"]

    def ours_on(row: dict[str, Any]) -> dict[str, float]:
        cell = (row["suite"], row["budget"], row["workers"])
        ours, tasks = speeds.get((*cell, "ours"), {}), speeds[*cell, row["method"]]
        if "worst" not in row or not tasks.keys() <= ours.keys():
            return {}
        families: dict[str, list[float]] = defaultdict(list)
        for task in tasks:
            families[family_of[task]].append(ours[task])
        return {"ours": geometric(map(geometric, families.values()))}

    return [row | ours_on(row) for row in rows]


def table(rows: list[dict[str, Any]]) -> str:
    """Return the rows of the suites, then of all tasks, as Markdown."""
    order = sorted(rows, key=lambda r: (r["suite"], r["budget"], r["workers"], r["task"], -r["speedup"]))
    suites = [row for row in order if "worst" in row]
    tasks = [row for row in order if "worst" not in row]
    common = "suite budget workers method first_rung speedup 95% missed test_as_good searches"
    return (
        _markdown(suites, [*common.split(), "worst", "families", "tasks", "ours"])
        + "\n\n"
        + _markdown(tasks, ["task", "family", *common.split()])
    )


def _markdown(rows: list[dict[str, Any]], columns: list[str]) -> str:
    lines = ["| " + " | ".join(columns).replace("_", " ") + " |", "|" + " --- |" * len(columns)]
    for row in rows:
        shown = row | {"95%": f"{row['low']:.1f} to {row['high']:.1f}"}
        shown |= {share: f"{row[share]:.0%}" for share in ("missed", "test_as_good")}
        cells = [
            f"{shown[c]:.1f}" if isinstance(shown.get(c), float) else str(shown.get(c, "")) for c in columns
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Run what is not on record, print the table and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--curves", type=Path, required=True)
    parser.add_argument("--budget", default="50")
    parser.add_argument("--workers", default="4")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--methods", default="ours,random,asha_random,asha_tpe")
    parser.add_argument("--suite", default="")
    parser.add_argument("--give-up", type=float, default=2.0)
    parser.add_argument("--cache", type=Path, default=Path("build/search_quality"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--shipped", action="store_true", help="count only fully trained trials")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="time limit for new searches")
    args = parser.parse_args()
    budgets, workers = ([int(n) for n in text.split(",")] for text in (args.budget, args.workers))
    rows = compare(args, budgets, workers)
    print(settings(args, max(budgets)) + "\n\n" + table(rows))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


def chosen(names: str) -> list[tuple[str, Method]]:
    """Return methods by name with all their first rungs; ``dehb/3`` selects only that first rung."""
    found = []
    for name in names.split(","):
        tries = [(named(name.split("/")[0], tried), tried) for tried in METHODS[name.split("/")[0]]]
        found += [(called, tried) for called, tried in tries if name in (called, called.split("/")[0])]
    return found


def settings(args: argparse.Namespace, budget: int) -> str:
    """Describe the settings of every method, on the first task of each suite."""
    suites = {task.suite: task for task in reversed(tasks_of(args.curves)) if args.suite in task.suite}
    lines = []
    for (name, tried), task in product(chosen(args.methods), suites.values()):
        try:
            shown = tried.settings(task, round(args.give_up * budget * task.horizon))
        except ImportError as missing:
            shown = f"unknown, since {missing.name} is not installed"
        lines.append(f"- {name}, {task.suite}: {shown}")
    return "\n".join(lines)


def compare(args: argparse.Namespace, budgets: list[int], workers: list[int]) -> list[dict[str, Any]]:
    """Run all cells for which there is time."""
    tasks = [task for task in tasks_of(args.curves) if args.suite in task.suite]
    runs = Runs(args.cache / "runs.jsonl", time.monotonic() + 60 * args.minutes)
    targets = {task.name: targets_of(task, budgets, args.cache) for task in tasks}
    methods = chosen(args.methods)
    numbers = range(args.first_seed, args.first_seed + args.seeds)
    found: dict[Cell, list[Search]] = defaultdict(list)
    # Seeds are the outer loop, so that a time limit leaves the cells as even as possible.
    for seed, task, budget, at_once, (name, tried) in product(numbers, tasks, budgets, workers, methods):
        cell, target = Cell(name, task.name, budget, at_once), targets[task.name][budget]
        epochs = budget * task.horizon
        give_up = round(args.give_up * epochs)
        run = runs.get(cell, tried, task, target.valid, give_up, seed, args.shipped)
        if run:
            as_good = run["pick_test"] <= target.test
            found[cell].append(Search(epochs / run["epochs"], not run["reached"], as_good))
    return beside_ours(best_first_rungs(rows_of(found, tasks)))


if __name__ == "__main__":
    main()
