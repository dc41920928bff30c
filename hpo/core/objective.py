"""The objective of a search: a metric, its direction, and the epoch of a trial that counts."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from hpo.core.constraints import Constraint, complaints
from hpo.core.json_values import JsonObject, jsonable

Mode = Literal["max", "min"]


@dataclass(frozen=True, slots=True)
class Objective:
    """A validation metric, its direction, and the epoch whose value counts.

    Attributes:
        metric: Name of a validation metric that the trainable reports.
        mode: ``max`` or ``min``.
        at: ``best``: the best epoch counts; ``last``: the last one does.
        constraints: What a trial has to satisfy to win.
    """

    metric: str
    mode: Mode = "max"
    at: Literal["best", "last"] = "best"
    constraints: tuple[Constraint, ...] = ()

    @property
    def key(self) -> str:
        """Name under which trials report the metric."""
        return f"validation/{self.metric}"

    @property
    def final_key(self) -> str:
        """Name of the metric on the final part, which is used only to rank finalists."""
        return f"final/{self.metric}"

    def better(self, a: float, b: float) -> bool:
        """Return whether ``a`` is strictly better than ``b``; a non-finite value never is."""
        if not math.isfinite(a):
            return False
        if not math.isfinite(b):
            return True
        return a > b if self.mode == "max" else a < b

    def best(self, values: Iterable[float]) -> float:
        """Return the best finite value, or NaN if there is none."""
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            return math.nan
        return max(finite) if self.mode == "max" else min(finite)

    def rising(self, value: float) -> float:
        """Return the value on a scale where more is better."""
        return value if self.mode == "max" else -value

    def standing(self, previous: float, value: float) -> float:
        """Return a trial's objective value after an epoch, given the one before it."""
        return value if self.at == "last" else self.best((previous, value))

    def feasible(self, metrics: Mapping[str, float], trained: bool) -> bool:
        """Return whether a report satisfies the constraints.

        Args:
            metrics: Of the epoch that counts.
            trained: Whether the trial is fully trained, so that constraints on scores are judged as well.
        """
        return not complaints(self.constraints, metrics, trained)

    def to_json(self) -> JsonObject:
        """Return the objective as a JSON value, with constraints only if there are some."""
        constraints = {"constraints": jsonable(self.constraints)} if self.constraints else {}
        return {"metric": self.metric, "mode": self.mode, "at": self.at, **constraints}
