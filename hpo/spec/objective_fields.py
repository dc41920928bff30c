"""The sections ``objective`` and ``constraints`` of a spec: what is optimized, within which limits."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hpo.spec.field_types import Record


class Goal(Record):
    """The objective."""

    metric: str | None = Field(
        default=None, description="A metric that the trainable reports; its first by default."
    )
    mode: Literal["max", "min"] | None = Field(
        default=None, description="Direction; the metric's own by default."
    )
    at: Literal["best", "last"] = Field(default="best", description="Epoch whose value ranks a trial.")


class ConstraintFields(Record):
    """A reported value that the winner has to keep within limits."""

    metric: str = Field(
        min_length=1, max_length=200, description="What trials report: parameters, validation/loss, ..."
    )
    at_least: float | None = Field(default=None, description="Lower limit.")
    at_most: float | None = Field(default=None, description="Upper limit.")
