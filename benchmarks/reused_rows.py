"""Is the winner's estimate right when its validation rows were searched before? Searches with a known truth.

    python -m benchmarks.reused_rows [--searches 1000] [--seed 0] [--out FILE]

Shares of right answers on 400 rows, the same for all searches, by the probit model of
`simulated_searches.examples`. One habit is to run several searches and to report the one whose winner scored
best; another to report the last of several, each of which looks around the best recipe so far: its recipes
share part of that recipe's luck with the rows. Each line gives the mean error of the winner's mean over
fresh seeds, of its corrected score without and with the allowance for earlier searches, and how many of the
95 % intervals hold the truth.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import special

from benchmarks.simulated_searches import LAST
from hpo.selection.evidence import Evidence
from hpo.selection.optimism import winner_intervals
from hpo.selection.ranking import Finalist, name_winner
from hpo.selection.reuse import Reuse

ROWS, TRIALS, FINALISTS, SEEDS = 400, 40, 3, 5
DIFFICULTY, AFFINITY, LUCK, SPREAD = 1.5, 0.7, 0.05, 0.1
SCALE = np.sqrt(1 + DIFFICULTY**2 + AFFINITY**2)
KEPT = 0.7
"""Correlation of the luck of recipes around the best one with its luck."""
NARROWER = 0.5
"""Spread of skills around the best recipe, relative to the first search's."""


@dataclass(frozen=True)
class Run:
    """A search: what it has on record, its winner, and what that is worth."""

    evidence: Evidence
    winner: int
    truth: float
    skill: float
    affinity: np.ndarray


def searched(
    rng: np.random.Generator, difficulty: np.ndarray, centre: float, spread: float, like: np.ndarray | None
) -> Run:
    """Run one search; its recipes share luck with those ``like`` [rows] has if it is given."""
    skill = centre + SCALE * spread * rng.standard_normal(TRIALS)
    affinity = rng.standard_normal((TRIALS, ROWS))
    if like is not None:
        affinity = KEPT * like + np.sqrt(1 - KEPT**2) * affinity

    def right(rows: np.ndarray, times: int) -> np.ndarray:
        latent = skill[rows, None] + LUCK * rng.standard_normal((len(rows), times))
        fixed = DIFFICULTY * difficulty + AFFINITY * affinity[rows]
        return latent[..., None] + fixed[:, None] + rng.standard_normal((len(rows), times, ROWS)) > 0

    values = right(np.arange(TRIALS), 1)[:, 0].mean(1)
    top = np.argsort(-values, kind="stable")[:FINALISTS]
    fresh = right(top, SEEDS)
    replicates = {int(trial): fresh[i].mean(1).tolist() for i, trial in enumerate(top)}
    finalists = [Finalist(trial, tuple(scores), float(rng.random())) for trial, scores in replicates.items()]
    named = name_winner(finalists, LAST)
    assert named is not None
    worth = float(special.ndtr(skill[named.trial] / np.sqrt(SCALE**2 + LUCK**2)))
    examples = {int(trial): fresh[i].astype(float) for i, trial in enumerate(top)}
    evidence = Evidence(LAST, dict(enumerate(values.tolist())), replicates, examples=examples, n=ROWS)
    return Run(evidence, named.trial, worth, float(skill[named.trial]), affinity[named.trial])


def best_of(rng: np.random.Generator, count: int) -> Run:
    """Return the search, of several independent ones on the same rows, whose winner scored best."""
    difficulty = rng.standard_normal(ROWS)
    runs = [searched(rng, difficulty, 1.2 * SCALE, SPREAD, None) for _ in range(count)]
    return max(runs, key=lambda run: float(np.mean(run.evidence.replicates[run.winner])))


def last_of(rng: np.random.Generator, count: int) -> Run:
    """Return the last of several searches, each around the winner of the one before."""
    difficulty = rng.standard_normal(ROWS)
    run = searched(rng, difficulty, 1.2 * SCALE, SPREAD, None)
    for _ in range(count - 1):
        run = searched(rng, difficulty, run.skill, NARROWER * SPREAD, run.affinity)
    return run


HABITS = {"the best of several": best_of, "the last of several": last_of}


def line(habit: str, count: int, searches: int, seed: int) -> str:
    """Measure a habit and return a line of Markdown."""
    rng = np.random.default_rng([seed, count, len(habit)])
    errors, held = [], []
    for _ in range(searches):
        run = HABITS[habit](rng, count)
        allowed = replace(run.evidence, reuse=Reuse(TRIALS, TRIALS * (count - 1)))
        mean, plain = winner_intervals(run.evidence, run.winner)
        _, corrected = winner_intervals(allowed, run.winner)
        errors.append([one.value - run.truth for one in (mean, plain, corrected)])
        held.append([one.low <= run.truth <= one.high for one in (plain, corrected)])
    bias, error = np.mean(errors, 0), np.std(errors, 0, ddof=1) / searches**0.5
    cells = [f"{b:+.4f} ± {e:.4f}" for b, e in zip(bias, error, strict=True)]
    cells += [f"{share:.3f} ± {(share * (1 - share) / searches) ** 0.5:.3f}" for share in np.mean(held, 0)]
    return f"| {habit} | {count} | " + " | ".join(cells) + " |"


def main() -> None:
    """Print the table and write it to a file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--searches", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    titles = (
        "reported | searches | mean over seeds | corrected | with the allowance | covers | with the allowance"
    )
    lines = [f"| {titles} |", "|" + " --- |" * 7]
    print(*lines, sep="\n")
    for habit in HABITS:
        for count in (1, 2, 4, 8):
            lines.append(line(habit, count, args.searches, args.seed))
            print(lines[-1], flush=True)
    if args.out:
        args.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
