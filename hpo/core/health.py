"""Findings about a network before it is searched, as plain values."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from hpo.core.json_values import JsonFields, JsonObject, RecipeFields, jsonable

Verdict = Literal["right", "doubtful", "wrong", "open"]

VERDICTS: tuple[Verdict, ...] = ("right", "open", "doubtful", "wrong")
"""From best to worst; ``open`` is what could not be determined."""


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One property of a network or its training.

    Attributes:
        name: What was checked.
        verdict: Whether it is as it should be; ``open`` if that could not be determined.
        reason: What was observed, and what it was compared with.
        advice: What to change; empty where nothing has to change.
    """

    name: str
    verdict: Verdict
    reason: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class ValueHistogram:
    """How the values of one layer are distributed.

    Attributes:
        choices: The initialization and activation under which they were measured.
        layer: Name of the layer in the network.
        kind: ``weights``, ``activations`` or ``gradients``.
        low: Lower end of the first bin.
        high: Upper end of the last bin.
        counts: Values in each bin, all of the same width.
        rms: Root of the mean square.
        note: What is unusual about them; empty if nothing is.
    """

    choices: str
    layer: str
    kind: str
    low: float
    high: float
    counts: tuple[int, ...]
    rms: float
    note: str = ""


@dataclass(frozen=True, slots=True)
class CornerCost:
    """What an epoch costs at one point of the space.

    Attributes:
        name: Which point it is.
        seconds: Estimated wall time of an epoch on all training rows; NaN if it failed.
        memory: Peak memory of the process or on the GPU while it trained, in bytes; 0 if unknown.
        error: Why it could not be trained; empty if it was.
    """

    name: str
    seconds: float
    memory: int
    error: str = ""


@dataclass(frozen=True)
class PreflightReport:
    """What checking a network before its search showed.

    Attributes:
        recipe: The recipe that was checked.
        checks: The table.
        histograms: Layers under the initializations and activations of the space.
        corners: Time and memory of an epoch.
    """

    recipe: RecipeFields
    checks: tuple[HealthCheck, ...]
    histograms: tuple[ValueHistogram, ...] = ()
    corners: tuple[CornerCost, ...] = ()

    @property
    def worst(self) -> Verdict:
        """The worst verdict of the table."""
        return max((check.verdict for check in self.checks), key=VERDICTS.index, default="open")

    @property
    def exit_code(self) -> int:
        """1 if something is wrong, otherwise 0."""
        return int(self.worst == "wrong")

    def to_json(self) -> JsonObject:
        """Return everything as a JSON value."""
        shown: JsonObject = jsonable(
            {
                "recipe": dict(self.recipe),
                "checks": [dataclasses.asdict(check) for check in self.checks],
                "histograms": [dataclasses.asdict(histogram) for histogram in self.histograms],
                "corners": [dataclasses.asdict(corner) for corner in self.corners],
            }
        )
        return shown

    @classmethod
    def of_json(cls, body: JsonFields) -> Self:
        """Return what `to_json` was called on.

        Raises:
            KeyError: If a field is missing.
            TypeError: If it is of another form.
        """
        return cls(
            body["recipe"],
            tuple(HealthCheck(**check) for check in body["checks"]),
            tuple(ValueHistogram(**with_nan(histogram, counts=tuple)) for histogram in body["histograms"]),
            tuple(CornerCost(**with_nan(corner)) for corner in body["corners"]),
        )


def worst_of(checks: Sequence[HealthCheck]) -> dict[Verdict, int]:
    """Return how many checks have each verdict, worst first."""
    counts: dict[Verdict, int] = dict.fromkeys(reversed(VERDICTS), 0)
    for check in checks:
        counts[check.verdict] += 1
    return {verdict: count for verdict, count in counts.items() if count}


def with_nan(fields: JsonFields, **convert: type) -> JsonObject:
    """Return fields with NaN where JSON has null, which is how non-finite numbers are written.

    Args:
        fields: As read.
        convert: Types of fields that JSON does not have, such as ``tuple``.
    """
    return {
        name: math.nan if value is None else convert[name](value) if name in convert else value
        for name, value in fields.items()
    }
