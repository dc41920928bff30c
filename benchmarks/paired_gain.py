"""How many times fewer epochs one method needs than another on the same tasks and seeds.

    python -m benchmarks.paired_gain --runs FILE --method ours/auto --over leaders/3 [--seeds 100-103]
        [--seconds]

Searches of two methods with the same task, seed, workers and target form a pair; its gain is the ratio of
their epochs, or with ``--seconds`` of what these epochs took when they were recorded. A search that missed
its target counts as having reached it when it was given up. Gains are averaged geometrically over seeds,
tasks of a family, and families. Intervals are 95 % bootstrap intervals over families and seeds. The gain is
also shown with each family left out in turn: one that a single family carries would fall there.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.curve_tasks import suite_and_family

Logs = Mapping[str, Mapping[str, Sequence[float]]]
"""Logarithms of the gains: family, task, seeds."""


def pairs(
    path: Path, method: str, over: str, seeds: range, unit: str = "epochs"
) -> dict[tuple[str, int], Logs]:
    """Return the gains of all pairs in ``epochs`` or ``seconds``, by suite and number of workers."""
    spent: dict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
    for line in path.read_text().splitlines():
        run = json.loads(line)
        name, *cell = run["key"].split()
        if int(cell[-1]) in seeds and unit in run:  # earlier searches have no seconds
            spent[name][tuple(cell)] = run[unit]
    found: dict[tuple[str, int], dict[str, dict[str, list[float]]]] = {}
    for cell in sorted(spent[method].keys() & spent[over].keys()):
        task, workers = cell[0], int(cell[-2])
        suite, family = suite_and_family(task)
        families = found.setdefault((suite, workers), {})
        gains = families.setdefault(family, {}).setdefault(task, [])
        gains.append(float(np.log(spent[over][cell] / spent[method][cell])))
    return dict(found)


def mean(families: Logs) -> float:
    """Return the gain, all families alike."""
    return float(np.exp(np.mean([family_mean(tasks) for tasks in families.values()])))


def family_mean(tasks: Mapping[str, Sequence[float]]) -> float:
    """Return the logarithm of a family's gain, all of its tasks alike."""
    return float(np.mean([np.mean(gains) for gains in tasks.values()]))


def interval(families: Logs, draws: int = 2000) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the gain, over families and seeds."""
    rng, members = np.random.default_rng(0), list(families.values())
    means = [
        np.mean([_redrawn(members[chosen], rng) for chosen in rng.integers(0, len(members), len(members))])
        for _ in range(draws)
    ]
    low, high = np.exp(np.quantile(means, (0.025, 0.975)))
    return float(low), float(high)


def _redrawn(tasks: Mapping[str, Sequence[float]], rng: np.random.Generator) -> float:
    return family_mean({task: rng.choice(gains, len(gains)) for task, gains in tasks.items()})


def rows(found: Mapping[tuple[str, int], Logs]) -> Iterator[str]:
    """Yield the rows of a Markdown table."""
    yield "| suite | workers | gain | 95 % | worst and best family | without one family | pairs |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for (suite, workers), families in sorted(found.items()):
        low, high = interval(families)
        by_family = {name: float(np.exp(family_mean(tasks))) for name, tasks in families.items()}
        worst, best = (pick(by_family, key=by_family.__getitem__) for pick in (min, max))
        others = [mean({n: t for n, t in families.items() if n != left}) for left in families]
        count = sum(len(gains) for tasks in families.values() for gains in tasks.values())
        extremes = f"{worst} {by_family[worst]:.2f}, {best} {by_family[best]:.2f}"
        left_out = f"{min(others):.2f} to {max(others):.2f}"
        yield (
            f"| {suite} | {workers} | {mean(families):.2f} | {low:.2f} to {high:.2f} "
            f"| {extremes} | {left_out} | {count} |"
        )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=Path, default=Path("benchmarks/results/search_quality/runs.jsonl"))
    parser.add_argument("--method", default="ours/auto")
    parser.add_argument("--over", default="leaders/3")
    parser.add_argument("--seeds", default="0-999", help="first and last seed")
    parser.add_argument("--seconds", action="store_true", help="recorded seconds instead of epochs")
    args = parser.parse_args()
    unit = "seconds" if args.seconds else "epochs"
    first, last = map(int, args.seeds.split("-"))
    print("\n".join(rows(pairs(args.runs, args.method, args.over, range(first, last + 1), unit))))


if __name__ == "__main__":
    main()
