"""Simulated searches with a known truth, to test the corrections and intervals.

Every generator draws a whole search from a stated distribution: qualities of the trials, the scores
that a search would see, the finalists' fresh seeds, and the true value of each finalist. The number
of trials, their spread and the number of finalists and seeds are drawn each time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import special

from hpo.core.objective import Objective
from hpo.core.trainable import Metric
from hpo.selection.evidence import EpochLuck, Evidence, epoch_luck
from hpo.selection.intervals import Interval
from hpo.selection.race import FoldRun, Race, RaceDecision
from hpo.selection.ranking import Finalist, name_winner
from hpo.selection.score_intervals import score_intervals

BEST = Objective("accuracy", "max", "best")
LAST = Objective("accuracy", "max", "last")
METRICS = (Metric("accuracy", "max", proportion=True),)


@dataclass(frozen=True)
class Search:
    """One simulated search.

    Attributes:
        evidence: What a search would have on record.
        winner: Winner by the simple rule, with random costs.
        truth: Finalist to its recipe's true value, expected over seeds and examples.
        tests: Name to an interval over test examples and the truth that it should cover.
    """

    evidence: Evidence
    winner: int
    truth: dict[int, float]
    tests: dict[str, tuple[Interval, float]]


Noise = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def gaussian(rng: np.random.Generator) -> Search:
    """Gaussian noise of the seed, the same for every recipe; no examples."""
    return _scalar(rng, lambda r, shape: r.standard_normal(shape))


def unequal(rng: np.random.Generator) -> Search:
    """Gaussian noise whose width differs between recipes (log-normal, sigma 0.5)."""
    return _scalar(rng, lambda r, shape: r.standard_normal(shape), sigma=0.5)


def heavy(rng: np.random.Generator) -> Search:
    """Student's t with 5 degrees of freedom, scaled to the same variance."""
    return _scalar(rng, lambda r, shape: r.standard_t(5, shape) * np.sqrt(3 / 5))


def skewed(rng: np.random.Generator) -> Search:
    """Noise with a tail towards failure: a negative gamma of shape 4 (skewness -1)."""
    return _scalar(rng, lambda r, shape: (4 - r.gamma(4, 1, shape)) / 2)


def raced(rng: np.random.Generator) -> Search:
    """As `gaussian`, with a race of the finalists over at most 8 seeds."""
    return _scalar(rng, lambda r, shape: r.standard_normal(shape), race=True)


def _scalar(rng: np.random.Generator, noise: Noise, sigma: float = 0.0, race: bool = False) -> Search:
    trials, finalists, seeds = rng.choice([20, 40, 80, 160]), rng.choice([3, 5]), rng.choice([3, 5])
    unit = 0.005
    spread = unit * rng.choice([0.5, 1, 3])
    bell = rng.random() < 0.5
    quality = 0.9 + spread * (rng.standard_normal(trials) if bell else -rng.gamma(1, 1, trials))
    width = unit * np.exp(sigma * rng.standard_normal(trials))
    values = quality + width * noise(rng, (trials,))
    top = np.argsort(-values)[:finalists]
    fresh = quality[top, None] + width[top, None] * noise(rng, (finalists, 8 if race else seeds))
    replicates = {int(t): row.tolist() for t, row in zip(top, fresh, strict=True)}
    truth = {int(t): float(quality[t]) for t in top}
    if race:
        winner, replicates = _race(replicates)
        return Search(Evidence(LAST, _mapping(values), replicates), winner, truth, {})
    evidence = Evidence(LAST, _mapping(values), replicates)
    return Search(evidence, _winner(rng, evidence), truth, {})


def _race(table: dict[int, list[float]]) -> tuple[int, dict[int, list[float]]]:
    """Return the race's winner, and the values it used."""
    race = Race(dict.fromkeys(table, 1.0), LAST, most=8, alpha=0.05, margin=0.0, prefer="best")
    values: dict[FoldRun, float] = {}
    while not isinstance(step := race.next(values), RaceDecision):
        values |= {run: table[run.trial][run.replicate - 1] for run in step}
    took = {t: [v for run, v in sorted(values.items()) if run.trial == t] for t in table}
    return step.winner, took


def examples(rng: np.random.Generator) -> Search:
    """Shares of right answers on 400 validation examples, the same for all trials.

    A probit model: an example is right if ``skill + difficulty + affinity + noise > 0``; difficulty
    belongs to the example, affinity to the pair of example and recipe, noise to the training.
    """
    n, trials, finalists, seeds = 400, int(rng.choice([30, 60, 120])), 3, 5
    difficulty, affinity, luck = 1.5, 0.7, 0.05
    scale = np.sqrt(1 + difficulty**2 + affinity**2)
    skill = scale * (1.2 + rng.choice([0.05, 0.1]) * rng.standard_normal(trials))
    fixed = difficulty * rng.standard_normal(n) + affinity * rng.standard_normal((trials, n))

    def train(rows: np.ndarray, times: int) -> tuple[np.ndarray, np.ndarray]:
        own = skill[rows, None] + luck * rng.standard_normal((len(rows), times))
        latent = own[..., None] + fixed[rows, None] + rng.standard_normal((len(rows), times, n))
        return latent > 0, special.ndtr(own / scale)

    values = train(np.arange(trials), 1)[0][:, 0].mean(axis=1)
    top = np.lexsort((np.arange(trials), -values))[:finalists]
    right, worth = train(top, seeds)
    evidence = Evidence(
        LAST,
        _mapping(values),
        {int(t): right[i].mean(axis=1).tolist() for i, t in enumerate(top)},
        examples={int(t): right[i].astype(float) for i, t in enumerate(top)},
        n=n,
    )
    winner = _winner(rng, evidence)
    recipe = special.ndtr(skill / np.sqrt(scale**2 + luck**2))
    model = float(worth[list(top).index(winner), 0])
    return Search(evidence, winner, {int(t): float(recipe[t]) for t in top}, {"accuracy": _test(rng, model)})


def folds(rng: np.random.Generator) -> Search:
    """As `examples`, on 100 of 500 rows; fresh seeds are the mean over 5 folds that hold out all 500.

    Each fold is a training with its own luck, and each seed assigns the rows to new folds.
    """
    rows, used, cut, trials, finalists = 500, 100, 5, int(rng.choice([30, 60, 120])), 3
    seeds = int(rng.choice([3, 5]))
    difficulty, affinity, luck = 1.5, 0.7, 0.05
    scale = np.sqrt(1 + difficulty**2 + affinity**2)
    skill = scale * (1.2 + rng.choice([0.05, 0.1]) * rng.standard_normal(trials))
    fixed = difficulty * rng.standard_normal(rows) + affinity * rng.standard_normal((trials, rows))
    own = skill + luck * rng.standard_normal(trials)
    values = (own[:, None] + fixed[:, :used] + rng.standard_normal((trials, used)) > 0).mean(axis=1)
    top = np.lexsort((np.arange(trials), -values))[:finalists]
    right: dict[int, np.ndarray] = {}
    for trial in top:
        trainings = skill[trial] + luck * rng.standard_normal((seeds, cut))
        dealt = np.array([rng.permutation(np.arange(rows) % cut) for _ in range(seeds)])
        own_luck = np.take_along_axis(trainings, dealt, axis=1)
        latent = own_luck + fixed[trial] + rng.standard_normal((seeds, rows))
        right[int(trial)] = (latent > 0).astype(float)
    fresh = {trial: scores.mean(axis=1).tolist() for trial, scores in right.items()}
    evidence = Evidence(LAST, _mapping(values), fresh, examples=right, n=rows, held_out=True)
    recipe = special.ndtr(skill / np.sqrt(scale**2 + luck**2))
    return Search(evidence, _winner(rng, evidence), {int(t): float(recipe[t]) for t in top}, {})


def epochs(rng: np.random.Generator) -> Search:
    """As `examples`, each trial counting by the best of 12 epochs on the examples it is scored on."""
    return _epochs(rng, final=False)


def final_part(rng: np.random.Generator) -> Search:
    """As `epochs`, with fresh seeds scored on 300 more examples on which nothing was chosen."""
    return _epochs(rng, final=True)


def _epochs(rng: np.random.Generator, final: bool) -> Search:
    n, trials, length, seeds, finalists, more = 300, 40, 12, 5, 3, 16
    difficulty, affinity, kept, wiggle = 1.5, 0.3, 0.7, 0.01
    scale = np.sqrt(1 + difficulty**2 + affinity**2)
    skill = scale * (1.2 + 0.06 * rng.standard_normal(trials))
    rise = -1.5 * np.exp(-np.arange(1, length + 1) / 2)

    def part() -> np.ndarray:
        return difficulty * rng.standard_normal(n) + affinity * rng.standard_normal((trials, n))

    def train(rows: np.ndarray, parts: list[np.ndarray]) -> tuple[list[np.ndarray], np.ndarray]:
        """Return right answers [training, epoch, n] on each part, and the true share [training, epoch]."""
        own = skill[rows, None] + rise + wiggle * scale * rng.standard_normal((len(rows), length))
        right = []
        for fixed in parts:
            lasting = np.sqrt(kept) * rng.standard_normal((len(rows), 1, n), dtype=np.float32)
            passing = np.sqrt(1 - kept) * rng.standard_normal((len(rows), length, n), dtype=np.float32)
            right.append(own[..., None] + fixed[rows, None] + lasting + passing > 0)
        return right, special.ndtr(own / scale)

    search, last = part(), part()
    values = train(np.arange(trials), [search])[0][0].mean(axis=2).max(axis=1)
    top = np.lexsort((np.arange(trials), -values))[:finalists]
    right, worth = train(np.repeat(top, seeds + more), [search, last] if final else [search])
    curves = right[0].mean(axis=2)
    picked = curves.argmax(axis=1)
    rows = np.arange(len(picked))
    truth = worth[rows, picked].reshape(finalists, -1).mean(axis=1)

    def grouped(array: np.ndarray) -> dict[int, np.ndarray]:
        shaped = array.reshape(finalists, seeds + more, *array.shape[1:])
        return {int(t): shaped[i, :seeds] for i, t in enumerate(top)}

    evidence = Evidence(
        BEST,
        _mapping(values),
        {t: v.tolist() for t, v in grouped(curves[rows, picked]).items()},
        examples={t: v.astype(float) for t, v in grouped(right[-1][rows, picked]).items()},
        n=n,
        luck=EpochLuck() if final else epoch_luck({t: v.tolist() for t, v in grouped(curves).items()}, BEST),
    )
    if final:
        finals = grouped(right[1][rows, picked].mean(axis=1))
        evidence = replace(evidence, finals={t: v.tolist() for t, v in finals.items()})
    return Search(evidence, _winner(rng, evidence), dict(zip(map(int, top), truth, strict=True)), {})


def _test(rng: np.random.Generator, model: float) -> tuple[Interval, float]:
    """Score a model that is right with this probability on 500 test examples."""
    right = rng.random(500) < model
    found = score_intervals(
        lambda outputs, targets: {"accuracy": outputs.mean()}, METRICS, right, right, seed=0
    )
    return found["accuracy"], model


def _winner(rng: np.random.Generator, evidence: Evidence) -> int:
    groups = evidence.finals or evidence.replicates
    entered = [Finalist(t, tuple(v), float(rng.random())) for t, v in groups.items()]
    winner = name_winner(entered, evidence.objective)
    assert winner is not None
    return winner.trial


def _mapping(values: np.ndarray) -> dict[int, float]:
    return {trial: float(value) for trial, value in enumerate(values)}


GENERATORS: dict[str, Callable[[np.random.Generator], Search]] = {
    "gaussian": gaussian,
    "unequal": unequal,
    "heavy": heavy,
    "skewed": skewed,
    "raced": raced,
    "examples": examples,
    "epochs": epochs,
    "final part": final_part,
    "folds": folds,
}
