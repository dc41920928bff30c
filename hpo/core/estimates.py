"""What a search's best validation score is worth: the luckiest score, and estimates without its luck.

`hpo.selection.optimism` computes the estimates; here they have the form in which the account, the
outcome of a search and their JSON show them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from hpo.core.json_values import JsonFields, JsonObject, jsonable


@dataclass(frozen=True, slots=True)
class ScoreInterval:
    """A score with its 95 % interval.

    Attributes:
        value: The score.
        low: Lower end; NaN if there is no interval.
        high: Upper end; NaN if there is no interval.
        method: How the interval was computed; empty if that is not on record.
        missing: Which predictions or values behind the score are NaN; empty if none is, or if that is
            not on record.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    method: str = ""
    missing: str = ""

    @classmethod
    def of_json(cls, fields: JsonFields) -> ScoreInterval:
        """Return the interval that `to_json` wrote, or that is on record."""
        value, low, high = (_number(fields[name]) for name in ("value", "low", "high"))
        return cls(value, low, high, fields.get("method", ""), fields.get("missing", ""))

    @property
    def bounded(self) -> bool:
        """Whether both ends are known."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def remarks(self) -> str:
        """How the interval was computed, and which predictions behind it are NaN."""
        return "; ".join(filter(None, (self.method, self.missing)))

    def to_json(self) -> JsonObject:
        """Value and ends, unknown ones as null; the method where it is known, and what is missing."""
        ends = {"value": self.value, "low": self.low, "high": self.high}
        texts = {"method": self.method, "missing": self.missing}
        shown: JsonObject = jsonable({**ends, **{name: text for name, text in texts.items() if text}})
        return shown


def intervals_of(
    scores: Mapping[str, Mapping[str, float]],
    methods: Mapping[str, str] = MappingProxyType({}),
    missing: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, ScoreInterval]:
    """Scores on the test part as they are on record, by metric.

    Args:
        scores: Metric name to value and ends.
        methods: Metric name to how its interval was computed, where that is on record.
        missing: Metric name to which predictions or values behind it are NaN, where any are.
    """
    return {
        metric: ScoreInterval.of_json(
            {"method": methods.get(metric, ""), "missing": missing.get(metric, ""), **score}
        )
        for metric, score in scores.items()
    }


@dataclass(frozen=True, slots=True)
class LuckiestScore:
    """The best single validation score of a search.

    Attributes:
        trial: The trial that reached it.
        value: The score.
    """

    trial: int
    value: float


@dataclass(frozen=True, slots=True)
class ScoreEstimates:
    """The numbers that an account sets side by side, on the objective's own scale.

    Attributes:
        raw: The best single score.
        fresh: The same trial's mean over fresh seeds; None if it has none.
        bootstrap: The best score corrected by a bootstrap over trials; None if that is not possible.
        winner: The winner's mean over fresh seeds; None in accounts that early versions wrote.
        corrected: The winner's validation score without the luck of having been chosen on these rows,
            the number to report; None in accounts that early versions wrote.
        test: Test scores by metric; None while the test part is sealed.
        notes: What could not be estimated and why, and which luck the numbers still contain.
    """

    raw: LuckiestScore
    fresh: ScoreInterval | None
    bootstrap: float | None
    winner: ScoreInterval | None
    test: Mapping[str, ScoreInterval] | None
    notes: tuple[str, ...] = ()
    corrected: ScoreInterval | None = None

    @classmethod
    def of_json(cls, fields: JsonFields) -> ScoreEstimates:
        """Return the estimates that `to_json` wrote.

        Raises:
            KeyError: If one is missing.
            TypeError: If the value is not an object with such fields.
        """
        fresh, winner, test = fields["fresh"], fields["winner"], fields["test"]
        corrected = fields.get("corrected")
        return cls(
            LuckiestScore(fields["raw"]["trial"], _number(fields["raw"]["value"])),
            ScoreInterval.of_json(fresh) if fresh else None,
            fields["bootstrap"],
            ScoreInterval.of_json(winner) if winner else None,
            None if test is None else intervals_of(test),
            tuple(fields["notes"]),
            ScoreInterval.of_json(corrected) if corrected else None,
        )


def _number(value: float | None) -> float:
    return math.nan if value is None else value
