"""Why a sampler proposed a point, as it is recorded and as a person reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

Reason = Literal["practice", "model", "exploration", "earlier", "random", "sequence", "grid"]

REASONS: Mapping[str, str] = {
    "practice": "near usual values, before there were results to learn from",
    "model": "because its model expected it among the best quarter of the trials",
    "exploration": "to explore: its model was unsure of this point and thought it possible that it is good",
    "earlier": "by what earlier searches had found",
    "random": "at random",
    "sequence": "as the next point of its sequence",
    "grid": "as the next point of the grid",
}
"""What each reason means, after "proposed by the sampler"."""


STARTUP: Mapping[str, int] = {"tpe": 10, "gp": 10, "cmaes": 1}
"""Random points before the model of a sampler is used, unless the spec sets ``n_startup_trials``."""


def counted(reasons: Iterable[str]) -> dict[str, int]:
    """Return the number of trials by the reason of their proposal, in the order of `REASONS`."""
    numbers = Counter(reasons)
    return {reason: numbers[reason] for reason in REASONS if numbers[reason]}
