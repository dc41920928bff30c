"""How a finalist's trainings on fresh seeds are numbered, and on which rows each of them trains.

Without cross-validation a fresh seed is one training; with ``folds`` it is that many, one for each
part that is held out, and counts by their mean. Replicates number them through, seed by seed::

    replicate = (seed - 1) * folds + fold + 1        seed from 1, fold from 0
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hpo.core.events import End
from hpo.core.history import RETRAINED, Training

SEARCH = "search"
"""Name of the split that the search itself trains and validates on."""


@dataclass(frozen=True, slots=True)
class FreshSeeds:
    """The numbering of one search.

    Attributes:
        folds: Trainings of a fresh seed, each with another part held out; None without
            cross-validation.
        repeated: Whether each seed deals the rows to the folds anew.
    """

    folds: int | None = None
    repeated: bool = True

    @classmethod
    def of(cls, spec: Mapping[str, Any]) -> FreshSeeds:
        """The numbering that a spec on record asks for; older ones say less."""
        said = spec.get("finalists") or {}
        return cls(said.get("folds"), said.get("repeated", True))

    @property
    def each(self) -> int:
        """Trainings of one fresh seed."""
        return self.folds or 1

    def replicate(self, seed: int, fold: int = 0) -> int:
        """Number of a training; seeds count from 1, folds from 0."""
        return (seed - 1) * self.each + fold + 1

    def place(self, replicate: int) -> tuple[int, int]:
        """Seed (from 1) and fold (from 0) of a training."""
        seed, fold = divmod(replicate - 1, self.each)
        return seed + 1, fold

    def split(self, replicate: int) -> str:
        """Name of the split that a training is handed; replicate 0 is the search's own."""
        if not replicate or self.folds is None:
            return SEARCH
        seed, fold = self.place(replicate)
        return fold_name(seed if self.repeated else 1, fold)

    def title(self, replicate: int) -> str:
        """A training as a reader knows it: ``seed 2``, or ``seed 2 fold 3 of 5``."""
        seed, fold = self.place(replicate)
        return f"seed {seed}" + (f" fold {fold + 1} of {self.folds}" if self.folds else "")

    def by_seed(self, trainings: Iterable[Training]) -> dict[int, float]:
        """Value of each fresh seed whose trainings have all ended: their mean, NaN if one failed.

        Args:
            trainings: Of one finalist.
        """
        values: dict[int, list[float]] = {}
        for training in trainings:
            if training.replicate and training.end is not None:
                sound = training.end is End.FINISHED
                seed, _ = self.place(training.replicate)
                values.setdefault(seed, []).append(training.value if sound else math.nan)
        whole = {seed: each for seed, each in sorted(values.items()) if len(each) == self.each}
        return {seed: math.fsum(each) / self.each for seed, each in whole.items()}


def title_of(training: Training, fresh: FreshSeeds) -> str:
    """A training as a reader knows it: ``trial 3``, or ``trial 3 seed 2 fold 1 of 5``."""
    which = f"trial {training.trial}"
    if training.origin == RETRAINED:
        return f"{which} on all rows"
    return f"{which} {fresh.title(training.replicate)}" if training.replicate else which


def fold_name(deal: int, fold: int) -> str:
    """Name of the split that holds one fold out; deals count from 1, folds from 0."""
    return f"fold-{deal}.{fold + 1}"
