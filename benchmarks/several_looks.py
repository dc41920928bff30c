"""Several openings of the same test rows: do their intervals hold together, as issued and as restated?

    python -m benchmarks.several_looks [--draws 1000] [--metrics accuracy,loss] [--looks 2,10]

Every look scores another model of the same true score on the same rows; half of what makes a row difficult
is common to all models. An account restates the intervals of all looks at the level of the last
(`hpo.selection.looks`); printed are the shares of draws in which every interval holds the truth.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator

import numpy as np

from benchmarks.interval_cells import ANY, truth
from benchmarks.metric_scores import SCORES
from hpo.core.trainable import Metric
from hpo.selection.intervals import Interval, level_of_look
from hpo.selection.looks import restated
from hpo.selection.score_intervals import score_intervals

COMMON = 0.5
"""Share of the variance of a row's difficulty that all models have in common."""


def looked_at(metric: str, n: int, looks: int, rng: np.random.Generator) -> Iterator[Interval]:
    """Yield the interval of each look at the same rows, as it is issued."""
    score = SCORES[metric]
    targets = np.arange(n) % 2
    common = math.sqrt(COMMON) * rng.standard_normal(n)
    for look in range(1, looks + 1):
        hidden = common + math.sqrt(1 - COMMON) * rng.standard_normal(n)
        logit = ANY.skill * (2 * targets - 1) * (ANY.skill / 2 + hidden)
        outputs = np.stack([np.zeros(n), logit], 1).astype(np.float32)
        yield score_intervals(
            lambda some, their: {metric: score(some, their)},
            (Metric(metric, "max", proportion=metric == "accuracy"),),
            outputs,
            targets,
            int(rng.integers(1 << 30)),
            look,
        )[metric]


def held(metric: str, n: int, looks: int, draws: int, seed: int) -> tuple[float, float]:
    """Return in which share of the draws all intervals hold the truth: as issued, and restated."""
    rng, worth, level = np.random.default_rng([seed, n, looks]), truth(metric, ANY), level_of_look(looks)
    issued = together = 0
    for _ in range(draws):
        intervals = list(looked_at(metric, n, looks, rng))
        ends = [restated(of.value, of.low, of.high, of.level, level) for of in intervals]
        issued += all(of.low <= worth <= of.high for of in intervals)
        together += all(low <= worth <= high for low, high in ends)
    return issued / draws, together / draws


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--draws", type=int, default=1000)
    parser.add_argument("--metrics", default="accuracy,macro_f1,roc_auc,loss")
    parser.add_argument("--looks", default="2,10")
    parser.add_argument("--rows", default="200,1000")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print("| metric | rows | looks | draws | as issued | restated |\n" + "| --- " * 6 + "|", flush=True)
    for metric in args.metrics.split(","):
        for n in map(int, args.rows.split(",")):
            for looks in map(int, args.looks.split(",")):
                shares = held(metric, n, looks, args.draws, args.seed)
                text = " | ".join(f"{s:.3f} ± {(s * (1 - s) / args.draws) ** 0.5:.3f}" for s in shares)
                print(f"| {metric} | {n} | {looks} | {args.draws} | {text} |", flush=True)


if __name__ == "__main__":
    main()
