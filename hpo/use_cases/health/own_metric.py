"""How far a training got by the trainable's own metric, where its answers cannot be compared with targets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.core.trainable import Metric

MOSTLY, FITTED = 0.3, 0.05
"""Shares of the first error, and an error of a proportion, at which a few rows count as fitted."""


@dataclass(frozen=True, slots=True)
class OwnProgress:
    """The first and the last error of a training, which are 0 at best.

    Attributes:
        metric: What was measured.
        first: After the first epoch; NaN if the metric has no known best value.
        last: After the last one.
    """

    metric: Metric
    first: float
    last: float

    @classmethod
    def of(cls, metric: Metric, reports: Sequence[Mapping[str, float]]) -> OwnProgress:
        """Read the errors from a training's reports on the rows that it trained on."""
        values = [report.get(f"validation/{metric.name}", math.nan) for report in reports]
        errors = [_error(metric, value) for value in values]
        return cls(metric, errors[0] if errors else math.nan, errors[-1] if errors else math.nan)

    @property
    def known(self) -> bool:
        """Whether it says how well the rows are fitted."""
        return math.isfinite(self.first) and math.isfinite(self.last)

    @property
    def fitted(self) -> bool:
        """Whether the rows are fitted."""
        enough = FITTED if self.metric.proportion else 0.0
        return self.known and self.last <= max(enough, MOSTLY * self.first)

    @property
    def text(self) -> str:
        """The errors in words."""
        error = self.metric.name if self.metric.mode == "min" else f"1 - {self.metric.name}"
        return f"{error} {self.last:.3g}, after the first epoch {self.first:.3g}"


def _error(metric: Metric, value: float) -> float:
    """Return the distance from the best value: 1 of a maximised proportion, 0 of what is minimised."""
    if metric.mode == "max":
        return 1 - value if metric.proportion else math.nan
    return value if value >= 0 else math.nan
