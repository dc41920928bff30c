"""The savings from related earlier searches, and the cost of unrelated ones.

    python -m benchmarks.warm_start --curves FOLDER [--seeds 5] [--histories task,family,...]
        [--budget 50] [--workers 4] [--suite NAME] [--json FILE] [--cache FOLDER]

Each task of a suite is searched with the product's default policy, by its own conductor and inline
runner, to the target of `benchmarks.search_quality` (what random search with ``budget`` full
trainings reaches): without a history, and with the histories of other tasks that share its space.
These were searched before, with other seeds, and go through the code behind ``warm_start`` in a spec.

    task      every other task of the suite (leave one task out)
    family    every task of the suite's other families (leave one family out); see `family`
    one       a single other task, a different one for each seed
    shuffled  every other task, with the results permuted among its trials
    inverted  every other task, with the order of the results reversed
    unrelated every other task, replaced by a meaningless search: uniform points, random ranks

The figure is epochs with a history over epochs without, on the same seeds: a task's is the ratio of
medians over seeds, a suite's the geometric mean over tasks. A search that does not reach its target
within ``--give-up`` times the budget counts as that number of epochs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from benchmarks.curve_tasks import Replay, Task, targets_of, tasks_of
from benchmarks.search_methods import Over, Product
from benchmarks.search_quality import Runs, geometric
from hpo.core import seeds
from hpo.core.events import Cause, Reported
from hpo.core.history import History
from hpo.core.record import Recorded
from hpo.core.space import Space
from hpo.core.warm_start import NO_WARM_START, EarlierTrials, WarmStart
from hpo.ledger.in_memory import MemoryLedger
from hpo.running.conductor import Conductor
from hpo.running.inline import InlineRunner, VirtualClock
from hpo.sampling.auto import AutoSearcher
from hpo.use_cases.search.warm_start import EarlierTrial, combined, mapped_trials

SOURCE_SEED = 9_000
SOURCE_BUDGET = 20
"""Budget of an earlier search, in full trainings."""


def family(task: Task) -> str:
    """Return the group left out together: a kind of recurrent cell, or OpenML tasks of the same period."""
    if task.suite == "taskset":
        return next(cell for cell in ("LSTM", "GRU", "RNN", "") if cell in task.name.split("_", 1)[1])
    return task.name.split("-")[1][:-3]


def searched(task: Task, workers: int) -> list[EarlierTrial]:
    """Search a task and return its trials as a ledger would."""
    product = Product(_searcher(NO_WARM_START), "leaders")
    seed = seeds.derive(SOURCE_SEED, "history", task.name) % 2**31
    plan, replay, clock = product.plan(task, seed, workers), Replay(task), VirtualClock()
    levels, marks = (*plan.rungs, plan.horizon), {}

    def watch(recorded: Recorded, history: History) -> None:
        if isinstance(recorded.event, Reported):
            training = history.trainings[recorded.event.trial, 0]
            reached = marks.setdefault(training.trial, [])
            reached += [training.value] * (bisect_right(levels, training.epoch) - len(reached))
            if history.epochs >= SOURCE_BUDGET * task.horizon:
                raise Over

    conductor = Conductor(plan, MemoryLedger(), product.searcher(task, plan.rungs, seed), clock, watch)
    with contextlib.suppress(Over):
        InlineRunner(replay.train, workers, clock).run(conductor)
    return [
        EarlierTrial(t.point, tuple(marks.get(t.trial, ())), t.value, t.epoch, t.cause is Cause.DIVERGED)
        for t in conductor.history.trials
    ]


def _searcher(warmth: WarmStart) -> Callable[[Task, tuple[int, ...], int], AutoSearcher]:
    return lambda task, rungs, seed: AutoSearcher(
        task.space, "min", seed, rungs, task.horizon, warmth.earlier
    )


@dataclass
class Histories:
    """Earlier searches of a suite's tasks, each run once."""

    tasks: Sequence[Task]
    workers: int

    def __post_init__(self) -> None:
        self._tried: dict[str, list[EarlierTrial]] = {}

    def warmth(self, kind: str, task: Task, seed: int) -> WarmStart:
        """Return the history of a kind with which a task's search starts."""
        others = [t for t in self.tasks if t.suite == task.suite and t.name != task.name]
        if kind == "family":
            others = [t for t in others if family(t) != family(task)]
        if kind == "one":
            others = [others[seed % len(others)]]
        if kind == "none" or not others:
            return NO_WARM_START
        lessons = [self._lesson(other, task) for other in others]
        return combined(task.space, [_spoilt(lesson, kind, seed, task.space) for lesson in lessons])

    def _lesson(self, other: Task, task: Task) -> EarlierTrials:
        if other.name not in self._tried:
            self._tried[other.name] = searched(other, self.workers)
        levels = len(Product(_searcher(NO_WARM_START), "leaders").plan(other, 0, 1).rungs) + 1
        varied = [parameter.name for parameter in other.space.parameters]
        return mapped_trials(task.space, other.name, varied, self._tried[other.name], levels, 1.0)[0]


def _spoilt(lesson: EarlierTrials, kind: str, seed: int, space: Space) -> EarlierTrials:
    """Return a lesson as if its search had nothing to do with the new one."""
    scores, points = list(lesson.scores), lesson.points
    random = Random(f"{seed} {lesson.source}")
    if kind == "unrelated":
        points = tuple(space.sample(random) for _ in points)
    if kind == "inverted":
        scores = [-score for score in scores]
    if kind in ("shuffled", "unrelated"):
        random.shuffle(scores)
    return EarlierTrials(lesson.source, lesson.names, points, tuple(scores))


@dataclass(frozen=True)
class Warm:
    """A method for `benchmarks.search_quality.Runs`."""

    warmth: WarmStart

    def run(self, task: Task, seed: int, workers: int, target: float, most: int, shipped: bool) -> Any:
        """Run one search until it reaches the target or has spent ``most`` epochs."""
        product = Product(_searcher(self.warmth), "leaders", warm_start=self.warmth.first)
        return product.run(task, seed, workers, target, most, shipped)


@dataclass(frozen=True)
class Lazily:
    """A method whose history is gathered only if the search has to be run."""

    histories: Histories
    kind: str
    number: int

    def run(self, task: Task, seed: int, workers: int, target: float, most: int, shipped: bool) -> Any:
        """Run one search with its history."""
        warmth = self.histories.warmth(self.kind, task, self.number)
        return Warm(warmth).run(task, seed, workers, target, most, shipped)


def measured(args: argparse.Namespace) -> list[dict[str, Any]]:
    """Return one row per task and history, and one per suite as task ``geometric mean``."""
    from benchmarks.search_quality import Cell

    tasks = [task for task in tasks_of(args.curves) if args.suite in task.suite]
    histories = Histories(tasks, args.workers)
    runs = Runs(args.cache / "warm_start.jsonl", time.monotonic() + 60 * args.minutes)
    kinds = ["none", *(kind for kind in args.histories.split(",") if kind != "none")]
    epochs: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    for number in range(args.first_seed, args.first_seed + args.seeds):
        for task in tasks:
            target = targets_of(task, [args.budget], args.cache)[args.budget].valid
            most = round(args.give_up * args.budget * task.horizon)
            for kind in kinds:
                cell = Cell(f"warm_{kind}", task.name, args.budget, args.workers)
                run = runs.get(cell, Lazily(histories, kind, number), task, target, most, number, False)  # type: ignore[arg-type]
                if run:
                    epochs.setdefault((task.name, kind), {})[number] = run
    return _rows(tasks, kinds, epochs)


def _rows(tasks: Sequence[Task], kinds: Sequence[str], epochs: dict[Any, Any]) -> list[dict[str, Any]]:
    rows = []
    for suite in dict.fromkeys(task.suite for task in tasks):
        for kind in kinds:
            ratios = []
            for task in (t for t in tasks if t.suite == suite):
                cold, warm = epochs.get((task.name, "none"), {}), epochs.get((task.name, kind), {})
                both = sorted(set(cold) & set(warm))
                if not both:
                    continue
                row = {"suite": suite, "task": task.name, "history": kind, **_compared(cold, warm, both)}
                ratios.append(row["ratio"])
                rows.append(row)
            if ratios:
                low, high = _interval(ratios)
                mean = {"ratio": geometric(ratios), "low": low, "high": high, "worst": max(ratios)}
                rows.append({"suite": suite, "task": "geometric mean", "history": kind, **mean})
    return rows


def _compared(cold: Any, warm: Any, both: Sequence[int]) -> dict[str, Any]:
    without, found = (np.median([runs[n]["epochs"] for n in both]) for runs in (cold, warm))
    missed = float(np.mean([not warm[n]["reached"] for n in both]))
    return {
        "epochs_without": float(without), "epochs_with": float(found), "ratio": float(found / without),
        "missed": missed, "seeds": len(both),
    }  # fmt: skip


def _interval(ratios: Sequence[float], draws: int = 2000) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the geometric mean over tasks."""
    rng = np.random.default_rng(0)
    means = np.exp(np.log(rng.choice(ratios, (draws, len(ratios)))).mean(1))
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as Markdown."""
    lines = ["| suite | history | epochs with / without | 95% over tasks | worst task |", "|" + " --- |" * 5]
    for row in rows:
        if "worst" in row:
            figures = f"{row['ratio']:.2f} | {row['low']:.2f} to {row['high']:.2f} | {row['worst']:.2f}"
            lines.append(f"| {row['suite']} | {row['history']} | {figures} |")
    lines += ["", "| task | history | epochs without | with | ratio | missed | seeds |", "|" + " --- |" * 7]
    for row in rows:
        if "worst" not in row:
            figures = f"{row['epochs_without']:.0f} | {row['epochs_with']:.0f} | {row['ratio']:.2f}"
            lines.append(
                f"| {row['task']} | {row['history']} | {figures} | {row['missed']:.0%} | {row['seeds']} |"
            )
    return "\n".join(lines)


def main() -> None:
    """Run what is not on record, print the tables and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--curves", type=Path, required=True)
    parser.add_argument("--histories", default="task,family,one,shuffled,inverted,unrelated")
    parser.add_argument("--budget", type=int, default=50)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=100)
    parser.add_argument("--suite", default="")
    parser.add_argument("--give-up", type=float, default=2.0)
    parser.add_argument("--cache", type=Path, default=Path("build/search_quality"))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--minutes", type=float, default=float("inf"), help="time limit for new searches")
    args = parser.parse_args()
    rows = measured(args)
    print(table(rows))
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
