"""Limits that a model has to keep besides its objective: its size, its speed, a second score.

There is still one objective and one number; a constraint only decides which trials may win. What a training
does not change by going on, such as the number of parameters, is judged at every report, and a trial that
violates it ends there. Scores change while a model trains, so constraints on them are judged when a trial
is fully trained.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hpo.core.json_values import JsonObject, SpecFields, jsonable

SCORES = ("validation/", "train/")
"""How the names of reported values begin that change while a model trains."""

WORST = 40.0
"""Excess of a value that is not finite, and the largest of any."""


@dataclass(frozen=True, slots=True)
class Constraint:
    """A reported value and its limits.

    Attributes:
        metric: Name under which trials report it, such as ``parameters`` or ``validation/loss``.
        at_least: Lower limit; minus infinity for none.
        at_most: Upper limit; infinity for none.
    """

    metric: str
    at_least: float = -math.inf
    at_most: float = math.inf

    def __post_init__(self) -> None:
        """Refuse limits that no value or every value keeps.

        Raises:
            ValueError: If there is no limit, or the lower one is above the upper one.
        """
        unlimited = math.isinf(self.at_least) and math.isinf(self.at_most)
        if unlimited or not self.at_least <= self.at_most:
            raise ValueError(f"{self.metric}: no value can be from {self.at_least} to {self.at_most}")

    @property
    def of_score(self) -> bool:
        """Whether the value changes while a model trains."""
        return self.metric.startswith(SCORES)

    @property
    def text(self) -> str:
        """The constraint in words, such as ``parameters at most 1,000,000``."""
        return f"{self.metric} {self.limits}"

    @property
    def limits(self) -> str:
        """The limits in words, such as ``at most 1,000,000``."""
        limits = (("at least", self.at_least), ("at most", self.at_most))
        return " and ".join(f"{word} {shown(limit)}" for word, limit in limits if math.isfinite(limit))

    def excess(self, metrics: Mapping[str, float]) -> float:
        """Return by how much a report violates it: positive if it does, and without a unit.

        It grows with the difference near the limit and with the ratio far from it, so that sizes over
        several orders of magnitude can be modelled.
        """
        value = metrics.get(self.metric, math.nan)
        if not math.isfinite(value):
            return WORST
        return min(WORST, max(_beyond(value, self.at_most), -_beyond(value, self.at_least)))

    def complaint(self, metrics: Mapping[str, float]) -> str:
        """Return how a report violates it, in words; empty if it does not."""
        if self.excess(metrics) <= 0:
            return ""
        return f"{self.metric} is {shown(metrics.get(self.metric, math.nan))}, not {self.limits}"

    def to_json(self) -> JsonObject:
        """Return the constraint as a spec has it, null for a limit that it does not have."""
        limits: JsonObject = jsonable({"at_least": self.at_least, "at_most": self.at_most})
        return {"metric": self.metric, **limits}


def constraints_of(spec: SpecFields) -> tuple[Constraint, ...]:
    """Return the constraints of a recorded spec."""
    return tuple(
        Constraint(
            fields["metric"],
            -math.inf if fields.get("at_least") is None else fields["at_least"],
            math.inf if fields.get("at_most") is None else fields["at_most"],
        )
        for fields in spec.get("constraints") or ()
    )


def complaints(constraints: Sequence[Constraint], metrics: Mapping[str, float], trained: bool) -> list[str]:
    """Return how a report violates constraints, in words.

    Args:
        constraints: The constraints of the search.
        metrics: What was reported.
        trained: Whether the trial is fully trained, so that constraints on scores are judged as well.
    """
    judged = (constraint for constraint in constraints if trained or not constraint.of_score)
    return [text for constraint in judged if (text := constraint.complaint(metrics))]


def excesses(
    constraints: Sequence[Constraint], metrics: Mapping[str, float], trained: bool
) -> dict[str, float]:
    """Return by how much a report violates each constraint that is judged, by metric; see `complaints`."""
    return {
        constraint.metric: constraint.excess(metrics)
        for constraint in constraints
        if trained or not constraint.of_score
    }


def _beyond(value: float, limit: float) -> float:
    """Return how far a value is above a limit; negative below it, and without a limit."""
    if math.isinf(limit):
        return -limit
    scale = abs(limit) or 1.0
    return math.asinh(value / scale) - math.asinh(limit / scale)


def shown(value: float) -> str:
    """Return a value as a person reads it: whole numbers in full, others with four digits."""
    return f"{int(value):,}" if math.isfinite(value) and float(value).is_integer() else f"{value:.4g}"
