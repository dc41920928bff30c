"""Events that put a result in context: what simple models score, and what the test part holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.core.json_values import JsonFields

VALIDATION, TEST = "validation", "test"
"""Parts on which baselines are scored."""


@dataclass(frozen=True, slots=True)
class BaselinesScored:
    """Simple models were fitted to the training rows and scored on the rows that the winner is scored on.

    Attributes:
        part: ``validation`` or ``test``; the latter only together with a `TestScored`.
        n: Number of rows they were scored on.
        trained: Number of rows they were fitted to.
        metric: The metric of the differences, the objective's.
        scores: Baseline to metric to ``{"value", "low", "high"}``.
        methods: Metric name to how its intervals were computed, by baseline.
        differences: Baseline to the model's score less that of the baseline on the same rows, with its
            interval ``{"value", "low", "high"}``; baselines without one are left out.
        level: Probability with which each interval covers.
        constant: The class that the model answers for every row; empty if it answers several.
        notes: What was left out and why, each a sentence.
    """

    part: str
    n: int
    trained: int
    metric: str
    scores: Mapping[str, Mapping[str, Mapping[str, float]]]
    methods: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    differences: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    level: float = 0.95
    constant: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TestDescribed:
    """What the test part turned out to hold when it was opened, and how the model did within it.

    Attributes:
        rows: Classes, groups and times of its rows, `hpo.core.data_account.PartFacts` as JSON.
        within: Scores by class and by group, `hpo.core.strata.Strata` as JSON; empty if unknown.
    """

    __test__ = False

    rows: JsonFields
    within: JsonFields = field(default_factory=dict)
