"""How a model did within its test part: for each class and each group, instead of over all rows alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hpo.core.json_values import JsonFields


@dataclass(frozen=True, slots=True)
class Stratum:
    """The rows of one class or group: its name, their number, and the model's score on them."""

    name: str
    n: int
    value: float


@dataclass(frozen=True, slots=True)
class StratumRange:
    """Scores of many strata: the median, and the worst and the best of them.

    Attributes:
        of: What the strata are: ``class`` or ``group``.
        metric: The score: ``share right`` or ``mean absolute error``.
        count: Number of strata.
        median: Median of their scores.
        worst: The stratum with the worst score.
        best: The one with the best.
    """

    of: str
    metric: str
    count: int
    median: float
    worst: Stratum
    best: Stratum


@dataclass(frozen=True, slots=True)
class Strata:
    """The spreads on record.

    Attributes:
        spreads: By class and by group, as far as there are several.
        threshold: How an answer follows from the model's outputs.
        slope: Of two classes: slope of the targets' log-odds on the model's; 1 if its probabilities are
            neither overconfident nor too cautious. None if it is unknown. Cox, "Two further applications of a
            model for binary regression", Biometrika 1958.
        slope_error: Standard error of that slope.
    """

    spreads: tuple[StratumRange, ...] = ()
    threshold: str = ""
    slope: float | None = None
    slope_error: float | None = None

    @classmethod
    def of_json(cls, fields: JsonFields) -> Strata:
        """Return what is on record."""
        spreads = tuple(
            StratumRange(**{**spread, "worst": Stratum(**spread["worst"]), "best": Stratum(**spread["best"])})
            for spread in fields.get("spreads", ())
        )
        slope, error = fields.get("slope"), fields.get("slope_error")
        return cls(spreads, str(fields.get("threshold", "")), slope, error)


def counted(names: Mapping[str, int]) -> str:
    """Return numbers of rows by name on one line, such as ``cat 12, dog 9``."""
    return ", ".join(f"{name} {n:,}" for name, n in names.items())
