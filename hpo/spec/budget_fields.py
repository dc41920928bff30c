"""The sections ``budget`` and ``patience`` of a spec: when a search ends."""

from __future__ import annotations

from pydantic import Field

from hpo.spec.field_types import Amount, Count, Record


class BudgetFields(Record):
    """Limits of the search; the first one reached ends it."""

    trials: Count | None = Field(default=None, description="Trials started.")
    epochs: Count | None = Field(default=None, description="Epochs trained, including the finalists'.")
    hours: Amount | None = Field(default=None, description="Wall time, including the finalists'.")
    gpu_hours: Amount | None = Field(
        default=None, description="Hours times GPUs held, including the finalists'."
    )


class Patience(Record):
    """When to end a search that no longer improves."""

    trials: Count = Field(description="Trials in a row without an improvement of the best value.")
    by: float = Field(default=0.0, ge=0, description="Smallest gain that counts as an improvement.")
