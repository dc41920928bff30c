"""The number of examples needed to compare finalists on the same rows.

Two models are compared by the examples on which exactly one of them is right: McNemar's test
(Psychometrika 1947). The number needed depends on how often the two disagree, which is unknown
before they are trained; one example in ten is assumed, or the difference itself if that is
more (Connor, "Sample size for testing differences in proportions for the paired-sample design",
Biometrics 1987).
"""

from __future__ import annotations

import math
from statistics import NormalDist

DISAGREEMENT = 0.1
"""Assumed share of examples on which exactly one of two finalists of a search is right."""


def least_examples(alpha: float) -> int:
    """Return the number of examples below which no result is significant, however one-sided.

    Args:
        alpha: Error probability of one comparison, one-sided.
    """
    return math.ceil(math.log(alpha) / math.log(0.5) - 1e-9)


def examples_to_compare(difference: float, alpha: float) -> int:
    """Return the number of examples on which a difference of two shares is detected half the time.

    Args:
        difference: Difference between the two models' shares of right answers, above 0.
        alpha: Error probability of one comparison, one-sided.

    Raises:
        ValueError: If the difference is not in (0, 1].
    """
    if not 0 < difference <= 1:
        raise ValueError(f"expected a difference in (0, 1], got {difference}")
    z = NormalDist().inv_cdf(1 - alpha)
    disagree = max(DISAGREEMENT, difference)
    return max(least_examples(alpha), math.ceil(z**2 * disagree / difference**2))


def difference_told(n: int, alpha: float) -> float:
    """Return the difference of two shares that is detected half the time on ``n`` examples.

    Args:
        n: Number of examples, at least 1.
        alpha: Error probability of one comparison, one-sided.
    """
    z = NormalDist().inv_cdf(1 - alpha)
    small = z * math.sqrt(DISAGREEMENT / n)
    return min(1.0, small if small <= DISAGREEMENT else z**2 / n)
