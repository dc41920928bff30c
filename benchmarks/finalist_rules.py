"""Which rule picks the better finalist at the same cost: the best single score, fresh seeds, or a race.

    python -m benchmarks.finalist_rules [--searches 1000] [--seeds 3,8] [--rows 200] [--out FILE]

Searches of 40 trials on some validation rows (the probit law of `simulated_searches.examples`), five
finalists, random costs. The figure is how much better the pick truly is than the trial with the best
single score. A race ends early, so its trainings are given as well; the simple rule is shown with as
many trainings as the race took, which are spread evenly.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import special

from hpo.core.objective import Objective
from hpo.selection.race import FoldRun, Prefer, Race, RaceDecision
from hpo.selection.ranking import Finalist, name_winner

LAST = Objective("accuracy", "max", "last")
TRIALS, FINALISTS, LUCK = 40, 5, 0.05


@dataclass(frozen=True)
class Field:
    """The finalists of one search.

    Attributes:
        truth: What each recipe gives on the population, [finalists], best single score first.
        values: Its scores on fresh seeds, [finalists, seeds].
        costs: Of a training of each, [finalists].
    """

    truth: np.ndarray
    values: np.ndarray
    costs: np.ndarray


def field(rng: np.random.Generator, rows: int, seeds: int) -> Field:
    """Draw a search and its finalists' fresh scores on the same rows."""
    difficulty, affinity = 1.5, 0.7
    scale = np.sqrt(1 + difficulty**2 + affinity**2)
    skill = scale * (1.2 + 0.07 * rng.standard_normal(TRIALS))
    fixed = difficulty * rng.standard_normal(rows) + affinity * rng.standard_normal((TRIALS, rows))

    def train(trials: np.ndarray, times: int) -> np.ndarray:
        drawn = skill[trials, None] + LUCK * scale * rng.standard_normal((len(trials), times))
        latent = drawn[..., None] + fixed[trials, None] + rng.standard_normal((len(trials), times, rows))
        return np.asarray((latent > 0).mean(-1))

    single = train(np.arange(TRIALS), 1)[:, 0]
    top = np.lexsort((np.arange(TRIALS), -single))[:FINALISTS]
    truth = special.ndtr(skill[top] / np.sqrt(scale**2 * (1 + LUCK**2)))
    return Field(truth, train(top, seeds), rng.lognormal(0, 0.7, FINALISTS))


def by_race(finalists: Field, prefer: Prefer) -> tuple[int, int]:
    """Return the race's pick and the trainings that it took."""
    costs = dict(enumerate(finalists.costs.tolist()))
    rule = Race(costs, LAST, finalists.values.shape[1], alpha=0.05, margin=0.0, prefer=prefer)
    values: dict[FoldRun, float] = {}
    while not isinstance(step := rule.next(values), RaceDecision):
        values |= {run: float(finalists.values[run.trial, run.replicate - 1]) for run in step}
    return step.winner, step.used


def by_simple(finalists: Field, seeds: int) -> int:
    """Return the pick of the simple rule on some of the seeds."""
    entered = [
        Finalist(trial, tuple(values), cost)
        for trial, values, cost in zip(
            range(FINALISTS), finalists.values[:, :seeds].tolist(), finalists.costs.tolist(), strict=True
        )
    ]
    winner = name_winner(entered, LAST)
    assert winner is not None
    return winner.trial


def by_mean(finalists: Field, seeds: int) -> int:
    """Return the pick with the best mean on some of the seeds, whatever it costs."""
    return int(finalists.values[:, :seeds].mean(1).argmax())


def compare(searches: int, seeds: int, rows: int, seed: int) -> list[str]:
    """Return lines of Markdown: the gain of each rule over the best single score."""
    rng = np.random.default_rng([seed, seeds, rows])
    gains: dict[str, list[float]] = {}
    took: list[int] = []
    for _ in range(searches):
        finalists = field(rng, rows, seeds)
        raced, used = by_race(finalists, "best")
        took.append(used)
        evenly = max(1, round(used / FINALISTS))
        picks: dict[str, Callable[[], int]] = {
            "race, ties to the best": lambda raced=raced: raced,  # type: ignore[misc]
            "race, ties to the cheapest": lambda f=finalists: by_race(f, "cheapest")[0],  # type: ignore[misc]
            "simple, the race's trainings": lambda f=finalists, n=evenly: by_simple(f, n),  # type: ignore[misc]
            "simple, all seeds": lambda f=finalists: by_simple(f, seeds),  # type: ignore[misc]
            "best mean, all seeds": lambda f=finalists: by_mean(f, seeds),  # type: ignore[misc]
        }
        for name, pick in picks.items():
            gains.setdefault(name, []).append(float(finalists.truth[pick()] - finalists.truth[0]))
    lines = []
    for name, values in gains.items():
        spread = float(np.std(values, ddof=1)) / searches**0.5
        trainings = np.mean(took) if "race" in name else FINALISTS * seeds
        lines.append(
            f"| {rows} | {seeds} | {name} | {np.mean(values):+.4f} ± {spread:.4f} | {trainings:.1f} |"
        )
    return lines


def main() -> None:
    """Print the table and write it to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--searches", type=int, default=1000)
    parser.add_argument("--seeds", default="3,5,8")
    parser.add_argument("--rows", default="200,1000")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    lines = ["| rows | seeds | rule | gain over the best single score | trainings |", "|" + " --- |" * 5]
    for rows in map(int, args.rows.split(",")):
        for seeds in map(int, args.seeds.split(",")):
            lines += compare(args.searches, seeds, rows, args.seed)
    print("\n".join(lines))
    if args.out:
        args.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
