"""The section ``limits`` of a spec: what a single training may take, and what it survives."""

from __future__ import annotations

from pydantic import Field

from hpo.spec.field_types import Amount, Count, Record


class Limits(Record):
    """Limits of one training."""

    epoch_seconds: Amount | None = Field(
        default=None, description="An epoch that takes longer ends the trial."
    )
    checkpoint_seconds: Amount = Field(default=60.0, description="Maximum time between checkpoints.")
    checkpoint_epochs: Count | None = Field(
        default=None, description="Maximum epochs between checkpoints; unlimited by default."
    )
    same_failures: int = Field(
        default=5,
        ge=1,
        le=10**6,
        description="The search gives up if its first trials, this many, all fail with the same cause.",
    )
    worker_losses: int = Field(
        default=3, ge=1, le=1000, description="A training fails after losing its worker this many times."
    )
