"""The section ``finalists`` of a spec: how the winner is chosen among fully trained trials."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hpo.core.budget import reserved_epochs
from hpo.core.fresh_seeds import FreshSeeds
from hpo.spec.field_types import Record


class Finalists(Record):
    """How the winner is chosen among fully trained trials."""

    count: int = Field(default=3, ge=1, le=1000, description="Trials that are trained again.")
    seeds: int = Field(default=3, ge=1, le=1000, description="Fresh seeds per finalist.")
    folds: int | None = Field(default=None, ge=2, le=100, description="Cross-validation folds per seed.")
    repeated: bool = Field(default=True, description="Whether each seed draws new folds.")
    rank: str = Field(default="value", description="Ranking that selects the finalists.")
    rule: Literal["simple", "race"] = Field(
        default="simple",
        description="simple: the best mean, the cheaper in a tie; race: until one is clearly ahead.",
    )
    alpha: float = Field(
        default=0.05,
        gt=0,
        le=0.5,
        description="In a race: probability of dropping the truly best finalist.",
    )
    margin: float = Field(
        default=0.0, ge=0, description="In a race: smaller differences do not matter and count as a tie."
    )
    prefer: Literal["best", "cheapest", "steadiest"] = Field(
        default="best",
        description="In a race: who wins a tie; best: highest mean; steadiest: least spread over seeds.",
    )

    @property
    def fresh(self) -> FreshSeeds:
        """How the trainings on fresh seeds are numbered."""
        return FreshSeeds(self.folds, self.repeated)

    @property
    def most(self) -> int:
        """Maximum number of trainings per finalist."""
        return self.seeds * self.fresh.trainings_per_seed

    def epochs(self, horizon: int) -> int:
        """Epochs of all trainings together."""
        return reserved_epochs(horizon, self.count, self.seeds, self.folds)
