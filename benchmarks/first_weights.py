"""Default initialization compared with a plain torch loop, cell by cell and seed by seed.

A cell is a model, a data set, an optimizer with a learning rate, and a number of epochs; `CELLS` lists all
of them before anything is run. In each, the shipped trainable with its default recipe and a loop of
ordinary torch code train the same architecture on the same rows, with the same batch size, cosine
schedule and number of seeds. The loop starts from torch's own weights, a vision transformer from its
paper's truncated normal. CNN and ResNet on real images are also trained from ``he_normal`` with open
residual branches, so that the table can name the best start known. Finished trainings are appended to a
file, and a later run continues there::

    python benchmarks/first_weights.py --fashion DIR --cifar DIR --results FILE --minutes 10

The two ``DIR`` hold Fashion-MNIST in torchvision's layout and CIFAR images in one folder per class; cells
without data are left out. ``--larger`` runs two cells on more images. The table is printed at the end;
``--table`` only prints it.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from scipy import stats

from benchmarks.weight_cells import CELLS, LARGER, SEEDS, SIDES, Cell, Parts, cifar, digits, fashion


def measure(
    cells: Sequence[Cell], loaders: Mapping[str, Callable[[], Parts]], results: Path, minutes: float
) -> None:
    """Run missing trainings, cell by cell, until the time is up."""
    torch.set_num_threads(1)
    done = {(row["cell"], row["seed"], row["side"]) for row in _rows(results)}
    end, opened = time.monotonic() + 60 * minutes, {}
    for cell in cells:
        if cell.data not in loaders:
            continue
        for seed in range(SEEDS):
            for side in cell.sides:
                if (cell.name, seed, side) in done:
                    continue
                if time.monotonic() > end:
                    return
                parts = opened.setdefault(cell.data, None) or loaders[cell.data]()
                opened[cell.data] = parts
                began = time.process_time()
                accuracy = SIDES[side](cell, parts, seed)
                row = {"cell": cell.name, "seed": seed, "side": side, "accuracy": accuracy}
                with results.open("a") as file:
                    file.write(json.dumps({**row, "seconds": time.process_time() - began}) + "\n")


def _rows(results: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []


def table(cells: Sequence[Cell], results: Path) -> str:
    """Return the accuracy of all sides by cell, and the mean paired difference with its interval."""
    rows = _rows(results)
    lines = [
        "| cell | default | plain loop | best known | default - plain loop | CPU seconds |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    differences, behind = [], []
    for cell in cells:
        scores, seconds = _complete(cell, rows)
        if len(scores) < 2:
            continue
        apart = [100 * (a - b) for a, b in zip(scores["default"], scores["plain"], strict=True)]
        mean, error = statistics.fmean(apart), statistics.stdev(apart) / SEEDS**0.5
        differences.append(mean)
        if mean + 3 * error < 0:
            behind.append(cell.name)
        best = max(scores, key=lambda side: statistics.fmean(scores[side]))
        shown = {side: f"{statistics.fmean(s):.3f} ± {statistics.stdev(s):.3f}" for side, s in scores.items()}
        columns = [shown["default"], shown["plain"], f"{best} {shown[best]}", f"{mean:+.1f} ± {error:.1f}"]
        spent = f"{seconds['default']:.2f} and {seconds['plain']:.2f}"
        lines.append(f"| {cell.name} | {' | '.join(columns)} | {spent} |")
    return "\n".join([*lines, *_summary(len(cells), differences, behind)])


def _complete(
    cell: Cell, rows: Sequence[Mapping[str, Any]]
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Return the accuracies, by seed, and the median seconds of the sides whose seeds are all there."""
    scores, seconds = {}, {}
    for side in cell.sides:
        runs = {row["seed"]: row for row in rows if (row["cell"], row["side"]) == (cell.name, side)}
        if len(runs) == SEEDS:
            scores[side] = [runs[seed]["accuracy"] for seed in range(SEEDS)]
            seconds[side] = statistics.median(run["seconds"] for run in runs.values())
    return ({}, {}) if not {"default", "plain"} <= set(scores) else (scores, seconds)


def _summary(cells: int, differences: Sequence[float], behind: Sequence[str]) -> Iterator[str]:
    """Yield the lines below the table."""
    if len(differences) < 2:
        return
    mean, error = statistics.fmean(differences), statistics.stdev(differences) / len(differences) ** 0.5
    reach = stats.t.ppf(0.975, len(differences) - 1) * error
    yield ""
    yield (
        f"{len(differences)} of {cells} cells, {SEEDS} seeds each. Mean paired difference {mean:+.2f} "
        f"points, 95 % interval over cells {mean - reach:+.2f} to {mean + reach:+.2f}. Behind by three "
        f"standard errors: {', '.join(behind) or 'none'}."
    )


def main() -> None:
    """Run the missing trainings and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fashion", type=Path)
    parser.add_argument("--cifar", type=Path)
    parser.add_argument("--results", type=Path, default=Path("first_weights.jsonl"))
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--table", action="store_true", help="only print the table")
    parser.add_argument("--list", action="store_true", help="only list the cells")
    parser.add_argument("--larger", action="store_true", help="the two cells on more images instead")
    options = parser.parse_args()
    cells = LARGER if options.larger else CELLS
    if options.list:
        print("\n".join(cell.name for cell in cells))
        return
    loaders: dict[str, Callable[[], Parts]] = {"digits": digits}
    if options.fashion:
        loaders["fashion"] = lambda: fashion(options.fashion)
        loaders["fashion-10000"] = lambda: fashion(options.fashion, 10_000)
    if options.cifar:
        loaders["cifar"] = lambda: cifar(options.cifar)
        loaders["cifar-4000"] = lambda: cifar(options.cifar, 4000)
    if not options.table:
        measure(cells, loaders, options.results, options.minutes)
    print(table(cells, options.results))


if __name__ == "__main__":
    main()
