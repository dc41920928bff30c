"""The data of a search: read once by the custodian, then divided."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hpo.core.errors import UserError
from hpo.core.fresh_seeds import SEARCH, FreshSeeds, fold_name
from hpo.core.home import Home
from hpo.core.recipe import digest
from hpo.data.custodian import prepare
from hpo.data.prepared import FORMAT, Prepared
from hpo.data.split import RowLabels, Split, folds, split
from hpo.spec.fields import Data


@dataclass(frozen=True)
class SplitDataset:
    """The data of a search, read and divided.

    Attributes:
        prepared: The development part and what is known of the test part.
        split: Who gets which rows in the search.
        labelled: What a split must know of the development part.
        seed: Of every split.
    """

    prepared: Prepared
    split: Split
    labelled: RowLabels = field(repr=False)
    seed: int

    def splits(self, fresh: FreshSeeds, seeds: int) -> dict[str, Split]:
        """Every split that a search hands to its trainings, by name.

        With folds all development rows are dealt out: what the search was trained on and what it
        validated on.

        Args:
            fresh: Whether finalists are cross-validated, and how.
            seeds: Fresh seeds each of them has at most.

        Raises:
            UserError: If the rows cannot be dealt out to so many folds.
        """
        if fresh.folds is None:
            return {SEARCH: self.split}
        deals = seeds if fresh.repeated else 1
        try:
            dealt = folds(self.labelled, count=fresh.folds, seed=self.seed, repeats=deals)
        except UserError as error:
            raise UserError(f"finalists.folds: {fresh.folds} folds: {error}") from error
        names = [fold_name(deal, fold) for deal in range(1, deals + 1) for fold in range(fresh.folds)]
        if len(dealt) < len(names):  # later rows are validated on by earlier ones: one order, no deal
            dealt *= deals
        return {SEARCH: self.split, **dict(zip(names, dealt, strict=True))}

    def facts(self, fresh: FreshSeeds | None = None, seeds: int = 1) -> dict[str, Any]:
        """What goes on record of the search's split, and of the folds if finalists have some.

        Args:
            fresh: Whether finalists are cross-validated, and how; None to leave the folds out.
            seeds: Fresh seeds each of them has at most.
        """
        test = self.prepared.test
        cut = fresh is not None and fresh.folds is not None
        return {
            "fingerprint": self.split.fingerprint,
            "data": self.prepared.fingerprint,
            "format": FORMAT,
            "counts": self.split.counts(),
            "by": self.labelled.rule,
            **({"groups": self._groups()} if self.labelled.rule == "groups" else {}),
            **({"folds": self._folds(fresh, seeds)} if fresh is not None and cut else {}),
            "test": {"n": test.n, "fingerprint": test.fingerprint} if test else None,
        }

    def _groups(self) -> dict[str, int]:
        groups = self.labelled.groups
        assert groups is not None
        return {part: len(np.unique(groups[rows])) for part, rows in self.split.roles().items()}

    def _folds(self, fresh: FreshSeeds, seeds: int) -> dict[str, Any]:
        """How rows are held out; the fingerprint covers every fold of every seed."""
        cut = {name: each for name, each in self.splits(fresh, seeds).items() if name != SEARCH}
        sizes = [len(each.validation) for each in cut.values()]
        return {
            "count": fresh.folds,
            "deals": len({each.fingerprint for each in cut.values()}) // (fresh.folds or 1),
            "held_out": [min(sizes), max(sizes)],
            "rows": len(self.labelled.targets),
            "fingerprint": digest({name: each.fingerprint for name, each in cut.items()}),
        }


def split_dataset_of(data: Data, base: Path, home: Home) -> SplitDataset:
    """Have the data read and divide it.

    Args:
        data: The spec's word on it.
        base: Folder to which relative paths refer.
        home: Where the development part is kept.

    Raises:
        UserError: If the source or the split is at fault.
    """
    prepared = prepare(data.source, data.arguments, home, base)
    roles = {"search": data.search_share}
    if data.final_share is not None:
        roles["final"] = data.final_share
    labelled = RowLabels(
        prepared.targets(), prepared.info.classes, prepared.groups(), prepared.times(), data.stratified
    )
    divided = split(
        labelled.targets,
        validation=roles,
        seed=data.split_seed,
        stratified=labelled.stratified,
        groups=labelled.groups,
        times=labelled.times,
        classes=labelled.classes,
    )
    return SplitDataset(prepared, divided, labelled, data.split_seed)
