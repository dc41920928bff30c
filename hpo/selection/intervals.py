"""What an interval is, Wilson's for a share, Student's over seeds, and the price of a further look.

A score is a mean over a few thousand rows, and a number without its interval claims more than it
knows. `hpo.selection.score_intervals` gives the intervals of all metrics of a model.

Wilson, "Probable inference, the law of succession, and statistical inference", JASA 1927.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import special

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and the range that covers the truth with the stated probability.

    Attributes:
        value: The score itself.
        low: Lower end; NaN where the data cannot say.
        high: Upper end; NaN where the data cannot say.
        level: Probability with which the range covers the truth.
        method: How it was computed, in a few words.
        missing: Which predictions or values behind the score are NaN; empty if none is.
    """

    value: float
    low: float
    high: float
    level: float
    method: str
    missing: str = ""

    def to_dict(self) -> dict[str, float]:
        """``{"value", "low", "high"}``, as events keep it."""
        return {"value": self.value, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class Spread:
    """Mean and standard deviation (n - 1; NaN for one value) of repeated trainings."""

    mean: float
    std: float
    n: int

    @property
    def error(self) -> float:
        """Standard error of the mean; NaN for one value."""
        return self.std / math.sqrt(self.n) if self.n > 1 else math.nan


def spread(values: Iterable[float]) -> Spread:
    """Return mean, standard deviation and number of values.

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
    """Return the level at which the n-th look at the same test data is reported (Bonferroni).

    At ``1 - (1 - level) / n`` each, the intervals of n looks hold together with probability
    ``level``. Those of earlier looks were issued at higher levels of error, so they have to be
    restated at this one before they are read together: see `hpo.selection.looks`. A recipe that was
    chosen because of earlier test scores is not covered by any interval over rows, so its
    score stays marked as the n-th look.

    Raises:
        ValueError: If ``look`` is below 1.
    """
    if look < 1:
        raise ValueError(f"looks are counted from 1, got {look}")
    return 1 - (1 - level) / look


def wilson(share: float, n: int, level: float = LEVEL) -> Interval:
    """Return Wilson's score interval of a share of ``n`` rows.

    Raises:
        ValueError: If the share is outside [0, 1] or there is no row.
    """
    if n < 1 or not 0 <= share <= 1:
        raise ValueError(f"expected a share in [0, 1] of at least one example, got {share} of {n}")
    low, high = wilson_ends(share, n, float(special.ndtri(0.5 + level / 2)))
    return Interval(share, low, high, level, "Wilson")


def wilson_ends(share: float, n: float, z: float) -> tuple[float, float]:
    """Return the ends of Wilson's interval of a share of ``n`` rows at the normal or t quantile ``z``."""
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # Rounding must not push the share of 0 or 1 out of its own interval.
    return min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))


def examples_needed(share: float, half: float, level: float = LEVEL) -> int:
    """Return the number of rows for which a share is known to within ``half`` either way.

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


def mean_interval(values: Iterable[float], level: float = LEVEL) -> Interval:
    """Return Student's t interval of the mean over seeds: what the recipe gives on these very rows.

    It says nothing about other rows; see `hpo.selection.optimism` for both together. One value has
    no interval: its ends are NaN.

    Raises:
        ValueError: If there is no value or one is not finite.
    """
    over = spread(values)
    half = math.nan
    if over.n > 1:
        half = float(special.stdtrit(over.n - 1, 0.5 + level / 2)) * over.error
    return Interval(over.mean, over.mean - half, over.mean + half, level, "t over seeds")
