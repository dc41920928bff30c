"""Are the numbers honest? Corrections, intervals and the race on searches with a known truth.

    python -m benchmarks.honesty [--searches 1000] [--curves FOLDER] [--out benchmarks/results/honesty.md]
    python -m benchmarks.honesty --cells 1000 --processes 4 --json cells.jsonl [--only REGEX] [--seed 1]

Every simulated figure is over that many searches of each generator of `simulated_searches`. A
bias ratio is the mean error of an estimate over the mean error of the raw best score; a coverage is the share
of 95 % intervals that hold the truth. Standard errors are given after ±.

With ``--cells`` the intervals of test scores are measured instead, in the cells of
`interval_cells`: metrics, sizes, prevalences, groups, times and tails. Each cell is written to the file
when it ends and is not measured again, so that a run can be interrupted and shared among machines.
"""

from __future__ import annotations

import argparse
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import recorded_searches
from benchmarks.interval_cells import CELLS, Cell, covered
from benchmarks.simulated_searches import GENERATORS, Search
from hpo.core.objective import Objective
from hpo.selection.optimism import measure
from hpo.selection.race import FoldRun, Race, RaceDecision
from hpo.selection.resampling import bootstrap


@dataclass(frozen=True)
class Figures:
    """Figures over many searches of one generator.

    Attributes:
        raw: Errors of the best single score [searches].
        fresh: Errors of the estimate by fresh seeds.
        bootstrap: Errors of the estimate by the bootstrap over trials.
        covered: Interval's name to whether it held the truth [searches].
        refused: Searches for which an estimate was not possible.
    """

    raw: np.ndarray
    fresh: np.ndarray
    bootstrap: np.ndarray
    covered: dict[str, np.ndarray]
    refused: int

    def ratio(self, estimate: np.ndarray) -> tuple[float, float]:
        """Return the bias over the raw bias, with its standard error by the delta method."""
        bias, raw = float(estimate.mean()), float(self.raw.mean())
        rest = estimate - bias / raw * self.raw
        return bias / raw, float(rest.std(ddof=1)) / abs(raw) / len(rest) ** 0.5

    def coverage(self, name: str) -> tuple[float, float]:
        """Return the share of intervals that held the truth, with its standard error."""
        share = float(self.covered[name].mean())
        return share, (share * (1 - share) / len(self.covered[name])) ** 0.5


def simulate(generator: Callable[[np.random.Generator], Search], searches: int, seed: int) -> Figures:
    """Correct many searches of one generator and compare the results with the truth."""
    rng = np.random.default_rng(seed)
    errors: list[tuple[float, float, float]] = []
    covered: dict[str, list[bool]] = defaultdict(list)
    refused = 0
    for k in range(searches):
        search = generator(rng)
        found = measure(search.evidence, search.winner, k)
        truth, winner = search.truth[found.trial], search.truth[search.winner]
        covered["winner"].append(found.winner.low <= winner <= found.winner.high)
        for name, (interval, worth) in search.tests.items():
            covered[f"test {name}"].append(interval.low <= worth <= interval.high)
        if found.fresh is None or found.bootstrap is None:
            refused += 1
            continue
        covered["fresh seeds"].append(found.fresh.low <= truth <= found.fresh.high)
        errors.append((found.raw - truth, found.fresh.value - truth, found.bootstrap - truth))
    raw, fresh, boot = np.array(errors).T
    return Figures(raw, fresh, boot, {name: np.array(v) for name, v in covered.items()}, refused)


def losses(sets: int, seed: int) -> tuple[float, float]:
    """Return the share of bootstrap intervals that hold the truth, for a skewed loss on 300 examples."""
    rng = np.random.default_rng(seed)
    held = []
    for k in range(sets):
        drawn = rng.gamma(0.5, 0.6, 300)
        found = bootstrap(lambda outputs, _: {"loss": outputs.mean()}, drawn, drawn, k, resamples=1000)
        held.append(found["loss"].low <= 0.3 <= found["loss"].high)
    share = float(np.mean(held))
    return share, (share * (1 - share) / sets) ** 0.5


@dataclass(frozen=True)
class Raced:
    """Over many races: how often the best was dropped, how often the end was clear, trainings saved."""

    dropped: float
    clear: float
    saved: float
    races: int


NOISES: dict[str, Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]] = {
    "Gaussian": lambda rng, shape: rng.standard_normal(shape),
    "t, 3 degrees": lambda rng, shape: rng.standard_t(3, shape) / 3**0.5,
    "gamma tail to failure": lambda rng, shape: (4 - rng.gamma(4, 1, shape)) / 2,
}


def race(finalists: int, most: int, gap: float, noise: str, races: int, seed: int) -> Raced:
    """Run races between a best finalist and others that are ``gap`` noise widths behind it."""
    rng = np.random.default_rng(seed)
    rule = Race(
        dict.fromkeys(range(finalists), 1.0),
        Objective("accuracy"),
        most,
        alpha=0.05,
        margin=0.0,
        prefer="best",
    )
    dropped = clear = saved = 0
    for _ in range(races):
        table = NOISES[noise](rng, (finalists, most))
        table[1:] -= gap
        values: dict[FoldRun, float] = {}
        while not isinstance(step := rule.next(values), RaceDecision):
            values |= {run: float(table[run.trial, run.replicate - 1]) for run in step}
        dropped += 0 in step.dropped
        clear += len(step.tied) == 1
        saved += step.saved
    return Raced(dropped / races, clear / races, saved / (races * finalists * most), races)


def simulated_table(searches: int, seed: int) -> list[str]:
    """Return bias ratios and coverages, one line per generator."""
    names = ("fresh seeds", "winner", "test accuracy")
    lines = [
        "| generator | raw bias | by fresh seeds | by bootstrap | "
        + " | ".join(f"{n} covers" for n in names)
        + " |",
        "|" + " --- |" * (4 + len(names)),
    ]
    for name, generator in GENERATORS.items():
        found = simulate(generator, searches, seed)
        cells = [f"{found.raw.mean():.4f}", *(_pm(found.ratio(e)) for e in (found.fresh, found.bootstrap))]
        cells += [_pm(found.coverage(n)) if n in found.covered else "" for n in names]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
        print(lines[-1], f"refused {found.refused}", flush=True)
    return lines


def race_table(races: int, seed: int) -> list[str]:
    """Return error rate and savings of the race."""
    lines = [
        "| finalists | seeds at most | noise | gap | best dropped | one left | trainings saved |",
        "|" + " --- |" * 7,
    ]
    cases = [(f, m, 0.0, noise) for f, m in ((2, 5), (3, 5), (3, 10), (5, 10)) for noise in ("Gaussian",)]
    cases += [(3, 5, 0.0, noise) for noise in NOISES if noise != "Gaussian"]
    cases += [(3, 10, gap, "Gaussian") for gap in (1.0, 2.0, 4.0)]
    for finalists, most, gap, noise in cases:
        count = races if not gap else max(1, races // 4)
        outcome = race(finalists, most, gap, noise, count, seed)
        lines.append(
            f"| {finalists} | {most} | {noise} | {gap:g} | {100 * outcome.dropped:.1f} % | "
            f"{100 * outcome.clear:.0f} % | {100 * outcome.saved:.0f} % |"
        )
        print(lines[-1], flush=True)
    return lines


def recorded_table(folder: Path, searches: int, seed: int) -> list[str]:
    """Return the selection bias on recorded curves before and after correction, per family of tasks."""
    families: dict[str, list[recorded_searches.Gap]] = defaultdict(list)
    for number, task in enumerate(recorded_searches.load(folder)):
        rng = np.random.default_rng([seed, number])
        offset = recorded_searches.Offset.of(task, rng)
        found = [recorded_searches.search(task, 81, 0.01, offset, rng) for _ in range(searches)]
        families[task.name.split("-")[0]] += found
    lines = [
        "| curves | searches | before | by fresh seeds | by bootstrap |",
        "|" + " --- |" * 5,
    ]
    for name, gaps in families.items():
        cells = [_mean(getattr(gap, field) for gap in gaps) for field in ("raw", "fresh", "bootstrap")]
        lines.append(f"| {name} | {len(gaps)} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    return lines


LOW = 0.93
"""Coverage below which a cell is listed separately."""


def measured_cell(task: tuple[Cell, int, int]) -> dict[str, Any]:
    """Measure one cell, in a process of its own."""
    return covered(*task)


def measure_cells(draws: int, processes: int, only: str, file: Path, seed: int) -> list[dict[str, Any]]:
    """Measure the cells that are not in a file yet, and return all that are."""
    lines = file.read_text().splitlines() if file.exists() else []
    rows = {row["cell"]: row for row in map(json.loads, lines)}
    todo = [(cell, draws, seed) for cell in CELLS if cell.name not in rows and re.search(only, cell.name)]
    with get_context("spawn").Pool(processes) as pool, file.open("a") as out:
        for row in pool.imap_unordered(measured_cell, todo):
            rows[row["cell"]] = row
            out.write(json.dumps(row) + "\n")
            out.flush()
            print(cell_line(row), flush=True)
    return [rows[cell.name] for cell in CELLS if cell.name in rows]


def cell_line(row: dict[str, Any]) -> str:
    """Format a cell as a line of Markdown."""
    known = row["draws"] - row["none"]
    share = row["held"] / known if known else float("nan")
    error = (share * (1 - share) / known) ** 0.5 if known else float("nan")
    sides = f"{row['below'] / max(known, 1):.3f} | {row['above'] / max(known, 1):.3f}"
    none = f"{row['none'] / row['draws']:.0%}"
    method = max(row["methods"], key=row["methods"].get)
    figures = f"{share:.3f} ± {error:.3f} | {sides} | {none} | {row['width']:.3g} | {row['truth']:.4f}"
    return f"| {row['cell']} | {figures} | {method} |"


def cells_table(rows: list[dict[str, Any]]) -> list[str]:
    """Return the cells as Markdown: first those below 93 %, then all."""
    titles = "cell | covers | truth below | above | no interval | median width | truth | method"
    head = [f"| {titles} |", "|" + " --- |" * 8]
    low = [row for row in rows if row["held"] < LOW * (row["draws"] - row["none"])]
    within = f"{len(rows) - len(low)} of {len(rows)} cells cover at least {LOW:.0%}."
    text = [within, "", f"Below {LOW:.0%}:", "", *head, *map(cell_line, low)]
    return [*text, "", "All cells:", "", *head, *map(cell_line, rows)]


def _pm(figure: tuple[float, float]) -> str:
    return f"{figure[0]:.3f} ± {figure[1]:.3f}"


def _mean(values: Iterable[float]) -> str:
    kept = np.array(list(values))
    return f"{kept.mean():.4f} ± {kept.std(ddof=1) / len(kept) ** 0.5:.4f}"


def main() -> None:
    """Print the tables and write them to files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--searches", type=int, default=1000)
    parser.add_argument("--races", type=int, default=1000)
    parser.add_argument("--recorded", type=int, default=10, help="searches per recorded task")
    parser.add_argument("--curves", type=Path, help="folder of recorded curves; left out without it")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--cells", type=int, help="draws of each cell of test scores")
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--only", default="", metavar="REGEX", help="cells to measure, by their name")
    parser.add_argument("--json", type=Path, default=Path("build/honesty_cells.jsonl"))
    args = parser.parse_args()
    began = time.monotonic()
    if args.cells:
        args.json.parent.mkdir(parents=True, exist_ok=True)
        rows = cells_table(measure_cells(args.cells, args.processes, args.only, args.json, args.seed))
        if args.out:
            args.out.write_text("\n".join(rows) + "\n")
        return
    text = [f"Simulated searches: {args.searches} of each generator, seed {args.seed}.", ""]
    text += simulated_table(args.searches, args.seed)
    held = _pm(losses(args.searches, args.seed))
    text += ["", f"Bootstrap intervals of a skewed loss on {args.searches} test sets cover {held}."]
    print(text[-1], flush=True)
    text += ["", f"The race, {args.races} races a line (a quarter of that with a gap), alpha 5 %.", ""]
    text += race_table(args.races, args.seed)
    if args.curves and (args.curves / "curves.py").exists():
        text += ["", f"Recorded curves, {args.recorded} searches of each task.", ""]
        text += recorded_table(args.curves, args.recorded, args.seed)
    print(f"{time.monotonic() - began:.0f} s")
    if args.out:
        args.out.write_text("\n".join(text) + "\n")


if __name__ == "__main__":
    main()
