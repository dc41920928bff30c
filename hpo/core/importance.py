"""How much each searched parameter matters for the score: values that reports and plots show."""

from __future__ import annotations

from dataclasses import dataclass

FEWEST_TRIALS = 50
"""Below this, the best tenth is less than five trials, and a ranking would be noise."""


@dataclass(frozen=True, slots=True)
class Importance:
    """The importance of one parameter.

    Attributes:
        name: Dotted name of the parameter.
        share: Its share of the importance of all parameters, from 0 to 1.
        low: Lower end of the whisker: the 10 % quantile over resampled trials; NaN without a whisker.
        high: Upper end of the whisker: the 90 % quantile; NaN likewise.
    """

    name: str
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ImportanceRanking:
    """The parameters of a search by importance.

    Attributes:
        rows: The most important parameter first; empty if they cannot be ranked.
        trials: Number of trials that were compared.
        epoch: The epoch after which they were compared.
        evaluator: Name of the method.
        reason: Why there is no ranking; empty if there is one.
    """

    rows: tuple[Importance, ...]
    trials: int
    epoch: int
    evaluator: str
    reason: str = ""
