"""How sure a score is: intervals over examples, intervals over seeds, and what a further look costs.

A test score is a mean over a few thousand examples, and a number without its interval claims more
than it knows. Proportions get Wilson's interval, every other metric a bootstrap over examples.

Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
Efron, "Better bootstrap confidence intervals", JASA 1987 (BCa).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from hpo.core.trainable import Array, Metric

LEVEL = 0.95
RESAMPLES = 2000
BLOCKS = 200
"""Groups of the delete-a-group jackknife; above as many examples, one example per group."""

Score = Callable[[Array, Array], Mapping[str, float]]
"""A trainable's `score`: outputs and targets to the value of every metric."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and the range that covers the truth with the stated probability.

    Attributes:
        value: The score itself.
        low: Lower end; NaN where the data cannot say.
        high: Upper end; NaN where the data cannot say.
        level: Probability with which the range covers the truth.
        method: How it was computed, in a few words.
    """

    value: float
    low: float
    high: float
    level: float
    method: str

    def to_dict(self) -> dict[str, float]:
        """``{"value", "low", "high"}``, as events keep it."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation (n - 1; NaN for one value) of the same thing done again."""

    mean: float
    std: float
    n: int

    @property
    def error(self) -> float:
        """Standard error of the mean; NaN for one value."""
        return self.std / math.sqrt(self.n) if self.n > 1 else math.nan


def spread(values: Iterable[float]) -> Spread:
    """Mean, standard deviation and number of values.

    Raises:
        ValueError: If there is no value or one is not finite: a failed training has no score, and
            leaving it out silently would flatter the recipe.
    """
    kept = np.fromiter(values, dtype=np.float64)
    if not kept.size or not np.isfinite(kept).all():
        raise ValueError(f"expected finite values, got {kept.tolist()}")
    std = float(kept.std(ddof=1)) if kept.size > 1 else math.nan
    return Spread(float(kept.mean()), std, int(kept.size))


def level_of_look(look: int, level: float = LEVEL) -> float:
    """Level of the interval of the n-th look at the same test data: Bonferroni over the looks.

    At ``1 - (1 - level) / n`` each, the intervals of n looks cover all n truths together, hence
    also that of whichever look is reported, with probability ``level``. A recipe that was chosen
    because of earlier test scores is no longer covered by this or any interval over examples;
    that is why its score stays marked as the n-th look.

    Raises:
        ValueError: If ``look`` is below 1.
    """
    if look < 1:
        raise ValueError(f"looks are counted from 1, got {look}")
    return 1 - (1 - level) / look


def wilson(share: float, n: int, level: float = LEVEL) -> Interval:
    """Wilson's score interval of a proportion: of n examples, ``share`` have the property.

    Raises:
        ValueError: If the share is outside [0, 1] or there is no example.
    """
    if n < 1 or not 0 <= share <= 1:
        raise ValueError(f"expected a share in [0, 1] of at least one example, got {share} of {n}")
    low, high = wilson_ends(share, n, float(special.ndtri(0.5 + level / 2)))
    return Interval(share, low, high, level, "Wilson")


def wilson_ends(share: float, n: float, z: float) -> tuple[float, float]:
    """Ends of Wilson's interval of a share of ``n`` examples at the normal (or t) quantile ``z``."""
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # Rounding must not push the share of 0 or 1 out of its own interval.
    return min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))


def examples_needed(share: float, half: float, level: float = LEVEL) -> int:
    """How many examples a part needs for its score to be known to within ``half`` either way.

    Raises:
        ValueError: If the share is outside [0, 1] or ``half`` outside (0, 1).
    """
    if not 0 <= share <= 1 or not 0 < half < 1:
        raise ValueError(f"expected a share in [0, 1] and a half width in (0, 1), got {share}, {half}")
    z = float(special.ndtri(0.5 + level / 2))
    low, high = 1, math.ceil((z / half) ** 2) + 1
    while low < high:
        n = (low + high) // 2
        ends = wilson_ends(share, n, z)
        low, high = (low, n) if ends[1] - ends[0] <= 2 * half else (n + 1, high)
    return low


def bootstrap(
    score: Score,
    outputs: Array,
    targets: Array,
    seed: int,
    level: float = LEVEL,
    resamples: int = RESAMPLES,
) -> dict[str, Interval]:
    """BCa intervals over examples, for every metric of a score at once.

    Resamples on which a metric is undefined (a class drawn not once) are left out of that metric;
    where that is one in ten or more, the ends are NaN.

    Args:
        score: Values of all metrics for outputs and targets.
        outputs: Array [n, ...] of a model's outputs.
        targets: Array [n].
        seed: Of the resampling.
        level: Probability of coverage.
        resamples: Number of resamples; each costs one call of ``score``.

    Returns:
        Metric name to interval.
    """
    outputs, targets = np.asarray(outputs), np.asarray(targets)
    n = len(targets)
    rng = np.random.default_rng(seed)
    value = dict(score(outputs, targets))
    drawn = _scores(score, outputs, targets, (rng.integers(0, n, n) for _ in range(resamples)), value)
    blocks = np.array_split(rng.permutation(n), min(n, BLOCKS)) if n > 1 else []
    kept = (np.setdiff1d(np.arange(n), block) for block in blocks)
    left = _scores(score, outputs, targets, kept, value)
    return {name: _bca(value[name], drawn[name], left[name], level) for name in value}


def score_intervals(
    score: Score,
    metrics: Sequence[Metric],
    outputs: Array,
    targets: Array,
    seed: int,
    look: int = 1,
) -> dict[str, Interval]:
    """The score of a model on the test part: every metric with its interval over examples.

    Args:
        score: The trainable's.
        metrics: The trainable's; those marked as a proportion get Wilson's interval.
        outputs: Array [n, ...] of the model's outputs.
        targets: Array [n].
        seed: Of the resampling.
        look: How often this test data has been opened, this time included.

    Returns:
        Metric name to interval, at the level of `level_of_look`.
    """
    level = level_of_look(look)
    value = {name: float(v) for name, v in score(outputs, targets).items()}
    n = len(targets)
    # A metric that only calls itself a proportion falls through to the bootstrap: the test part
    # is opened once, and a faulty declaration must not cost the score.
    shares = {m.name for m in metrics if m.proportion and 0 <= value.get(m.name, math.nan) <= 1}
    found = {name: wilson(value[name], n, level) for name in shares}
    if shares != set(value):
        drawn = bootstrap(score, outputs, targets, seed, level)
        found |= {name: drawn[name] for name in value if name not in shares}
    return {name: found[name] for name in value}


def mean_interval(values: Iterable[float], level: float = LEVEL) -> Interval:
    """Student's t interval of the mean over seeds: what the recipe gives on these very examples.

    It says nothing of the luck of the examples; see `hpo.selection.optimism` for both together.
    One value has no interval: its ends are NaN.

    Raises:
        ValueError: If there is no value or one is not finite.
    """
    found = spread(values)
    half = math.nan
    if found.n > 1:
        half = float(special.stdtrit(found.n - 1, 0.5 + level / 2)) * found.error
    return Interval(found.mean, found.mean - half, found.mean + half, level, "t over seeds")


def _scores(
    score: Score, outputs: Any, targets: Any, choices: Iterable[Any], names: Iterable[str]
) -> dict[str, Values]:
    """Every metric on every choice of rows; NaN where the score is undefined there."""
    rows: list[Mapping[str, float]] = []
    with np.errstate(all="ignore"):
        for chosen in choices:
            try:
                rows.append(score(outputs[chosen], targets[chosen]))
            except (ValueError, ZeroDivisionError):
                rows.append({})
    return {name: np.array([row.get(name, math.nan) for row in rows], np.float64) for name in names}


def _bca(value: float, drawn: Values, left: Values, level: float) -> Interval:
    """Bias-corrected and accelerated ends from resampled and left-out values."""
    finite = drawn[np.isfinite(drawn)]
    if not math.isfinite(value) or len(finite) <= 0.9 * len(drawn):
        return Interval(value, math.nan, math.nan, level, "undefined on these examples")
    # Half of the equal ones count as below, else a metric with few values looks biased.
    below = np.mean(finite < value) + np.mean(finite == value) / 2
    edge = 1 / (2 * len(finite))
    shift = float(special.ndtri(min(max(below, edge), 1 - edge)))
    pull = left[np.isfinite(left)]
    pull = pull.mean() - pull if len(pull) else np.zeros(1)
    power = float((pull**2).sum()) ** 1.5
    acceleration = float((pull**3).sum()) / (6 * power) if power > 0 else 0.0
    z = shift + special.ndtri(np.array([0.5 - level / 2, 0.5 + level / 2]))
    places = special.ndtr(shift + z / (1 - acceleration * z))
    low, high = np.quantile(finite, places)
    return Interval(value, float(low), float(high), level, "BCa bootstrap")
