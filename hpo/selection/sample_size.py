"""How many examples it takes to compare finalists on a part that all of them are scored on.

Two models are compared by the examples on which just one of them is right: McNemar's test
(Psychometrika 1947). How many examples that takes depends on how often the two disagree, which
nobody knows before they are trained; here it is one example in ten, or the difference itself if that
is more (Connor, "Sample size for testing differences in proportions for the paired-sample design",
Biometrics 1987).
"""

from __future__ import annotations

import math

from scipy import special

DISAGREEMENT = 0.1
"""Share of examples on which exactly one of two finalists of one search is taken to be right."""


def least_examples(alpha: float) -> int:
    """Examples below which no result is significant: if one model is right on all, the other on none.

    Args:
        alpha: Error probability of one comparison, one-sided.
    """
    return math.ceil(math.log(alpha) / math.log(0.5) - 1e-9)


def examples_to_compare(difference: float, alpha: float) -> int:
    """Examples on which a true difference of two shares shows as often as not.

    Args:
        difference: Between the two models' shares of right answers, above 0.
        alpha: Error probability of one comparison, one-sided.

    Raises:
        ValueError: If there is no difference to find.
    """
    if not 0 < difference <= 1:
        raise ValueError(f"expected a difference in (0, 1], got {difference}")
    z = float(special.ndtri(1 - alpha))
    disagree = max(DISAGREEMENT, difference)
    return max(least_examples(alpha), math.ceil(z**2 * disagree / difference**2))


def difference_told(n: int, alpha: float) -> float:
    """The difference of two shares that shows as often as not on ``n`` examples.

    Args:
        n: Number of examples, at least 1.
        alpha: Error probability of one comparison, one-sided.
    """
    z = float(special.ndtri(1 - alpha))
    small = z * math.sqrt(DISAGREEMENT / n)
    return min(1.0, small if small <= DISAGREEMENT else z**2 / n)
