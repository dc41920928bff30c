"""The numbering of a finalist's trainings on fresh seeds, and the rows each of them trains on.

Without cross-validation a fresh seed is one training. With ``folds`` it is that many, one for each fold
held out, and their mean is the seed's value. Replicates are numbered seed by seed::

    replicate = (seed - 1) * folds + fold + 1        seed from 1, fold from 0
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from hpo.core.events import End
from hpo.core.json_values import SpecFields
from hpo.core.training_state import RETRAINED, Training

SEARCH = "search"
"""Name of the split that the search itself trains and validates on."""


@dataclass(frozen=True, slots=True)
class FreshSeeds:
    """The numbering of one search.

    Attributes:
        folds: Trainings of a fresh seed, each with another fold held out; None without
            cross-validation.
        repeated: Whether each seed assigns the rows to new folds.
    """

    folds: int | None = None
    repeated: bool = True

    @classmethod
    def of(cls, spec: SpecFields) -> FreshSeeds:
        """Return the numbering for a spec on record; specs of earlier versions may lack the fields."""
        finalists = spec.get("finalists") or {}
        return cls(finalists.get("folds"), finalists.get("repeated", True))

    @property
    def trainings_per_seed(self) -> int:
        """Number of trainings of one fresh seed."""
        return self.folds or 1

    def replicate(self, seed: int, fold: int = 0) -> int:
        """Return the number of a training; seeds count from 1, folds from 0."""
        return (seed - 1) * self.trainings_per_seed + fold + 1

    def seed_and_fold(self, replicate: int) -> tuple[int, int]:
        """Return seed (from 1) and fold (from 0) of a training."""
        seed, fold = divmod(replicate - 1, self.trainings_per_seed)
        return seed + 1, fold

    def split(self, replicate: int) -> str:
        """Return the name of a training's split; replicate 0 uses the search's own."""
        if not replicate or self.folds is None:
            return SEARCH
        seed, fold = self.seed_and_fold(replicate)
        return fold_name(seed if self.repeated else 1, fold)

    def title(self, replicate: int) -> str:
        """Return a training's title for a reader: ``seed 2``, or ``seed 2 fold 3 of 5``."""
        seed, fold = self.seed_and_fold(replicate)
        return f"seed {seed}" + (f" fold {fold + 1} of {self.folds}" if self.folds else "")

    def by_seed(self, trainings: Iterable[Training]) -> dict[int, float]:
        """Return the mean over its trainings for each completed fresh seed; NaN if one failed.

        Args:
            trainings: Of one finalist.
        """
        values: dict[int, list[float]] = {}
        for training in trainings:
            if training.replicate and training.end is not None:
                finished = training.end is End.FINISHED
                seed, _ = self.seed_and_fold(training.replicate)
                values.setdefault(seed, []).append(training.value if finished else math.nan)
        count = self.trainings_per_seed
        return {
            seed: math.fsum(folds) / count for seed, folds in sorted(values.items()) if len(folds) == count
        }


def title_of(training: Training, fresh: FreshSeeds) -> str:
    """Return a training's title for a reader: ``trial 3``, or ``trial 3 seed 2 fold 1 of 5``."""
    trial = f"trial {training.trial}"
    if training.origin == RETRAINED:
        return f"{trial} on all rows"
    return f"{trial} {fresh.title(training.replicate)}" if training.replicate else trial


def fold_name(deal: int, fold: int) -> str:
    """Return the name of the split that holds one fold out; deals count from 1, folds from 0."""
    return f"fold-{deal}.{fold + 1}"
