"""What a search optimizes, and which epoch of a trial counts."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Mode = Literal["max", "min"]


@dataclass(frozen=True, slots=True)
class Objective:
    """A validation metric, its direction, and the epoch by which a trial counts.

    Attributes:
        metric: Name of a metric the trainable reports on its validation part.
        mode: ``max`` or ``min``.
        at: ``best``: the best epoch counts; ``last``: the last one does.
    """

    metric: str
    mode: Mode = "max"
    at: Literal["best", "last"] = "best"

    @property
    def key(self) -> str:
        """Name under which trials report the metric: always a validation metric."""
        return f"validation/{self.metric}"

    @property
    def final_key(self) -> str:
        """Name of the metric on the final part, which nothing was chosen on before."""
        return f"final/{self.metric}"

    def better(self, a: float, b: float) -> bool:
        """Whether ``a`` is strictly better than ``b``; a non-finite value never is."""
        if not math.isfinite(a):
            return False
        if not math.isfinite(b):
            return True
        return a > b if self.mode == "max" else a < b

    def best(self, values: Iterable[float]) -> float:
        """The best finite value, or NaN where there is none."""
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            return math.nan
        return max(finite) if self.mode == "max" else min(finite)

    def rising(self, value: float) -> float:
        """The value on a scale where more is better."""
        return value if self.mode == "max" else -value

    def standing(self, previous: float, value: float) -> float:
        """What a trial counts by after an epoch, given what it counted by before it."""
        return value if self.at == "last" else self.best((previous, value))
