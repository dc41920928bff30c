"""The section ``ship`` of a spec: the model that is tested, exported and used."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hpo.core.shipped_model import Ship
from hpo.spec.field_types import Count, Record


class ShipFields(Record):
    """The model that is tested, exported and used, fixed before the test part is opened."""

    model: Literal["best", "retrained", "averaged", "ensemble"] = Field(
        default="best",
        description="best: the winner's best checkpoint; retrained: trained on all development rows; "
        "averaged: the mean of its last epochs' weights; ensemble: the mean prediction of several models.",
    )
    of: Literal["seeds", "finalists"] = Field(
        default="seeds",
        description="Members of an ensemble: the winner's fresh trainings or the best finalists.",
    )
    count: int | None = Field(
        default=None, ge=2, le=1000, description="Number of members of an ensemble; all by default."
    )
    epochs: Count | None = Field(
        default=None,
        description="Last epochs whose weights are averaged; a quarter of all epochs by default.",
    )

    @property
    def ship(self) -> Ship:
        """The same choice as a `Ship`."""
        return Ship(self.model, self.of, self.count, self.epochs)
