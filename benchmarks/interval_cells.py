"""Test scores whose truth is known: metrics, sizes, prevalences, groups, times and tails.

A cell draws the outputs of a model and their targets from a stated law. The truth is the metric on two
million independent rows of the same law; an interval of the product should hold it in 95 % of the draws.
"""

from __future__ import annotations

import functools
import math
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from scipy import special
from scipy.signal import lfilter

from benchmarks.metric_scores import SCORES
from hpo.core.trainable import Metric
from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.score_intervals import score_intervals

MANY = 2_000_000


@dataclass(frozen=True)
class Law:
    """How rows are drawn.

    Attributes:
        kind: ``binary``, ``classes`` or ``values``.
        skill: Distance of the two classes in standard deviations, or the share of right answers.
        prevalence: Of the second of two classes, or of the rarest.
        classes: Number of classes.
        noise: Distribution of errors of values: ``normal``, ``t3``, ``t5``, ``lognormal``, ``exponential``.
    """

    kind: str
    skill: float = 1.5
    prevalence: float = 0.5
    classes: int = 2
    noise: str = "normal"


@dataclass(frozen=True)
class Cell:
    """One cell of the table.

    Attributes:
        metric: Name of a score.
        n: Rows of the test part.
        law: How they are drawn.
        groups: Number of groups of equally many rows; 0 if rows are independent.
        within: Correlation within a group, or of neighbours in time.
        times: Whether rows follow each other in time.
    """

    metric: str
    n: int
    law: Law
    groups: int = 0
    within: float = 0.0
    times: bool = False

    @property
    def name(self) -> str:
        """Name of the cell, unique in the table."""
        law = self.law
        words = [self.metric, f"n={self.n}", law.kind]
        words += [f"skill={law.skill:g}"] if law.kind != "values" else [law.noise]
        words += [f"prevalence={law.prevalence:g}"] if law.prevalence != 0.5 else []
        words += [f"classes={law.classes}"] if law.classes != 2 else []
        words += [f"groups={self.groups}"] if self.groups else []
        words += ["times"] if self.times else []
        words += [f"within={self.within:g}"] if self.within else []
        return " ".join(words)


Noise = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]

NOISES: dict[str, Noise] = {
    "normal": lambda rng, shape: rng.standard_normal(shape),
    "t3": lambda rng, shape: rng.standard_t(3, shape),
    "t5": lambda rng, shape: rng.standard_t(5, shape),
    "lognormal": lambda rng, shape: rng.lognormal(0, 1, shape),
    "exponential": lambda rng, shape: rng.exponential(1, shape),
}


SQUARES = {"t3": 3.0, "t5": 5 / 3, "lognormal": math.exp(2), "normal": 1.0, "exponential": 2.0}
"""Mean square of each distribution."""


def latent(rng: np.random.Generator, cell: Cell, n: int) -> np.ndarray:
    """Draw standard normal rows that depend on each other as the cell says, [n]."""
    if cell.times:
        steps = rng.standard_normal(n) * math.sqrt(1 - cell.within**2)
        steps[0] = rng.standard_normal()
        return np.asarray(lfilter([1.0], [1.0, -cell.within], steps))
    if cell.groups:
        shared = np.repeat(rng.standard_normal(cell.groups), n // cell.groups)
        return math.sqrt(cell.within) * shared + math.sqrt(1 - cell.within) * rng.standard_normal(n)
    return rng.standard_normal(n)


def draw(rng: np.random.Generator, cell: Cell, n: int) -> tuple[Any, Any]:
    """Draw outputs and targets of a model on ``n`` rows."""
    law, hidden = cell.law, latent(rng, cell, n)
    if law.kind == "binary":
        targets = (rng.random(n) < law.prevalence).astype(np.int64)
        if len(set(targets)) < 2 and n < MANY:
            return draw(rng, cell, n)
        margin = (2 * targets - 1) * (law.skill / 2 + hidden)
        logit = law.skill * margin + special.logit(law.prevalence)
        return np.stack([np.zeros(n), logit], 1).astype(np.float32), targets
    if law.kind == "classes":
        shares = np.full(law.classes, (1 - law.prevalence) / (law.classes - 1))
        shares[-1] = law.prevalence
        targets = rng.choice(law.classes, n, p=shares)
        right = hidden < special.ndtri(law.skill)
        other = (targets + rng.integers(1, law.classes, n)) % law.classes
        outputs = np.zeros((n, law.classes), np.float32)
        outputs[np.arange(n), np.where(right, targets, other)] = 1 + rng.random(n)
        return outputs, targets
    errors = NOISES[law.noise](rng, (n,)) if law.noise != "normal" else hidden
    targets = 2 * rng.standard_normal(n)
    return targets + errors, targets


@functools.cache
def truth(metric: str, law: Law) -> float:
    """Return the score on many independent rows."""
    rng = np.random.default_rng(zlib.crc32(repr(law).encode()))
    many = MANY if law.classes <= 20 else MANY // 10
    outputs, targets = draw(rng, Cell(metric, many, law), many)
    if metric == "mean_squared_error":
        return {"t3": 3.0, "t5": 5 / 3, "lognormal": math.exp(2), "normal": 1.0, "exponential": 2.0}[
            law.noise
        ]
    return SCORES[metric](outputs, targets)


def blocks_of(cell: Cell) -> RowBlocks:
    """Return which rows of a draw belong together."""
    groups = np.repeat(np.arange(cell.groups), cell.n // cell.groups) if cell.groups else None
    return RowBlocks.of(cell.n, groups, np.arange(cell.n) if cell.times else None)


ANY, GOOD, RARE, RARER = (
    Law("binary"),
    Law("binary", 4.0),
    Law("binary", prevalence=0.1),
    Law("binary", prevalence=0.01),
)
BOASTING = Law("classes", 0.6, 0.2, 5)
"""A law whose probabilities are unrelated to its shares of right answers."""
FIVE, MANY_CLASSES, NORMAL = Law("classes", 0.8, 0.1, 5), Law("classes", 0.8, 1 / 200, 200), Law("values")
SIZES = (20, 50, 200, 1000, 5000)
MACRO = ("macro_f1", "macro_recall", "macro_precision")
LABELS = ("accuracy", "loss", *MACRO, "roc_auc", "average_precision")


def _independent() -> Iterator[Cell]:
    """Yield metrics, sizes, prevalences and tails."""
    for n in SIZES:
        yield from (Cell(metric, n, law) for metric in LABELS for law in (ANY, GOOD))
        yield from (Cell(metric, n, RARE) for metric in LABELS if n > 20)
        yield from (Cell(metric, n, RARER) for metric in LABELS[2:] if n >= 200)
        yield from (Cell(metric, n, FIVE) for metric in MACRO if n >= 50)
        yield from (Cell(metric, n, law) for metric in ("balanced_accuracy", "brier") for law in (ANY, RARE))
        yield from (Cell("calibration_error", n, law) for law in (ANY, BOASTING) if n >= 50)
        yield from (Cell(metric, n, MANY_CLASSES) for metric in ("accuracy", *MACRO) if n >= 1000)
        for noise in SQUARES:
            yield Cell("mean_squared_error", n, Law("values", noise=noise))
            if noise in ("normal", "t5", "exponential"):
                yield from (Cell(m, n, Law("values", noise=noise)) for m in ("mean_absolute_error", "r2"))


def _dependent() -> Iterator[Cell]:
    """Yield groups and times."""
    for groups, size, within in ((40, 10, 0.3), (20, 20, 0.3), (100, 20, 0.5), (10, 50, 0.3)):
        n = groups * size
        yield from (Cell(metric, n, ANY, groups, within) for metric in LABELS)
        yield Cell("accuracy", n, GOOD, groups, within)
        yield from (Cell(metric, n, NORMAL, groups, within) for metric in ("mean_squared_error", "r2"))
    for n, within in product((200, 400, 2000), (0.5, 0.9)):
        for metric in ("accuracy", "loss", "macro_f1", "roc_auc"):
            yield Cell(metric, n, ANY, within=within, times=True)
        yield Cell("mean_squared_error", n, NORMAL, within=within, times=True)


CELLS = [*_independent(), *_dependent()]


def covered(cell: Cell, draws: int, seed: int = 0) -> dict[str, Any]:
    """Count the draws of a cell whose interval holds the truth.

    Returns:
        ``cell``, ``draws``, how many intervals ``held``, had the truth ``below`` or ``above`` them, or
        were ``none``, their mean ``width``, the ``truth`` and the ``methods`` with their counts.
    """
    score, worth = SCORES[cell.metric], truth(cell.metric, cell.law)
    metrics = (Metric(cell.metric, "max", proportion=cell.metric in ("accuracy", "error")),)
    named = zlib.crc32(cell.name.encode())
    rng, blocks = np.random.default_rng([named, seed] if seed else named), blocks_of(cell)
    held = below = above = none = 0
    widths, methods = [], Counter[str]()
    for number in range(draws):
        outputs, targets = draw(rng, cell, cell.n)
        found = score_intervals(
            lambda o, t: {cell.metric: score(o, t)}, metrics, outputs, targets, number + seed, 1, blocks
        )[cell.metric]
        methods[found.method] += 1
        if not math.isfinite(found.low):
            none += 1
            continue
        below, above = below + (worth < found.low), above + (worth > found.high)
        held += found.low <= worth <= found.high
        widths.append(found.high - found.low)
    counts = {"held": held, "below": below, "above": above, "none": none}
    width = float(np.median(widths)) if widths else math.nan
    return {
        "cell": cell.name,
        "draws": draws,
        **counts,
        "width": width,
        "truth": worth,
        "methods": dict(methods),
    }
