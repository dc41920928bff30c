"""The data of a search: read once by the custodian, then split."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hpo.core.errors import UserError
from hpo.core.fresh_seeds import SEARCH, FreshSeeds, fold_name
from hpo.core.home import Home
from hpo.core.json_values import JsonObject
from hpo.core.recipe import digest
from hpo.data.custodian import prepare
from hpo.data.prepared import FORMAT, Prepared, is_in_place
from hpo.data.recorded_cuts import EQUAL_ROWS, NO_CUTS, CutsOnRecord
from hpo.data.repeated_rows import repeated_rows
from hpo.data.split import RowLabels, Split, folds, split
from hpo.spec.data_fields import Data
from hpo.use_cases.dataset.register_access import signing_key
from trainables.data.token_stream import KIND as STREAM


@dataclass(frozen=True)
class SplitDataset:
    """The data of a search, read and split.

    Attributes:
        prepared: The development part, and counts and digests of the test part.
        split: Rows of each role in the search.
        labelled: Labels, groups and times of the development part.
        seed: Seed of every split.
    """

    prepared: Prepared
    split: Split
    labelled: RowLabels = field(repr=False)
    seed: int

    def splits(self, fresh: FreshSeeds, seeds: int) -> dict[str, Split]:
        """Return every split that the trainings of a search use, by name.

        Folds cover all development rows, those the search was trained on and those it was
        validated on.

        Args:
            fresh: Whether and how finalists are cross-validated.
            seeds: Greatest number of fresh seeds per finalist.

        Raises:
            UserError: If the rows cannot fill this number of folds.
        """
        if fresh.folds is None:
            return {SEARCH: self.split}
        repeats = seeds if fresh.repeated else 1
        try:
            splits = folds(self.labelled, count=fresh.folds, seed=self.seed, repeats=repeats)
        except UserError as error:
            raise UserError(f"finalists.folds: {fresh.folds} folds: {error}") from error
        names = [fold_name(repeat, fold) for repeat in range(1, repeats + 1) for fold in range(fresh.folds)]
        if len(splits) < len(names):  # folds by time: the same in every repeat
            splits *= repeats
        return {SEARCH: self.split, **dict(zip(names, splits, strict=True))}

    def facts(self, fresh: FreshSeeds | None = None, seeds: int = 1) -> JsonObject:
        """Return the facts of the search's split, and of the finalists' folds, that go on record.

        Args:
            fresh: Whether and how finalists are cross-validated; None to leave the folds out.
            seeds: Greatest number of fresh seeds per finalist.
        """
        test = self.prepared.test
        folded = fresh is not None and fresh.folds is not None
        return {
            "fingerprint": self.split.fingerprint,
            "data": self.prepared.fingerprint,
            "format": FORMAT,
            "counts": self.split.counts(),
            "by": self.labelled.rule,
            **({EQUAL_ROWS: "together"} if self.labelled.equal is not None else {}),
            **({"groups": self._groups()} if self.labelled.rule == "groups" else {}),
            **({"folds": self._folds(fresh, seeds)} if fresh is not None and folded else {}),
            "test": {"n": test.n, "fingerprint": test.fingerprint} if test else None,
        }

    def _groups(self) -> dict[str, int]:
        groups = self.labelled.groups
        assert groups is not None
        return {part: len(np.unique(groups[rows])) for part, rows in self.split.roles().items()}

    def _folds(self, fresh: FreshSeeds, seeds: int) -> JsonObject:
        """Describe the folds; the fingerprint covers every fold of every seed."""
        splits = {name: fold for name, fold in self.splits(fresh, seeds).items() if name != SEARCH}
        sizes = [len(fold.validation) for fold in splits.values()]
        return {
            "count": fresh.folds,
            "deals": len({fold.fingerprint for fold in splits.values()}) // (fresh.folds or 1),
            "held_out": [min(sizes), max(sizes)],
            "rows": len(self.labelled.targets),
            "fingerprint": digest({name: fold.fingerprint for name, fold in splits.items()}),
        }


def split_dataset_of(data: Data, base: Path, home: Home, cuts: CutsOnRecord = NO_CUTS) -> SplitDataset:
    """Have the data read, and split it.

    Args:
        data: The `data` section of the spec.
        base: Folder that relative paths start from.
        home: Where the development part is kept.
        cuts: Earlier cuts of test parts that the reading follows, besides those in the home.

    Raises:
        UserError: If the source or the split is invalid.
    """
    prepared = prepare(data.source, data.source_arguments, home, base, signing_key(data), cuts)
    return split_prepared(data, prepared, equal_apart=cuts.equal_apart)


def split_prepared(data: Data, prepared: Prepared, *, equal_apart: bool) -> SplitDataset:
    """Split data that was read.

    Args:
        data: The `data` section of the spec.
        prepared: The data.
        equal_apart: Whether equal rows are divided like others, as in searches of earlier versions.

    Raises:
        UserError: If the split is invalid.
    """
    roles = {"search": data.search_share}
    if data.final_share is not None:
        roles["final"] = data.final_share
    stratified = data.stratified and prepared.info.task != "other"
    groups, times = prepared.groups(), prepared.times()
    in_order = times is not None or prepared.info.kind == STREAM
    apart = equal_apart or in_order or groups is not None or is_in_place(prepared.folder)
    labelled = RowLabels(
        prepared.targets(),
        prepared.info.classes,
        groups,
        times,
        stratified,
        None if apart else repeated_rows(prepared.inputs()),
    )
    search_split = split(
        labelled.targets,
        validation=roles,
        seed=data.split_seed,
        stratified=labelled.stratified,
        groups=labelled.groups,
        times=labelled.times,
        classes=labelled.classes,
        equal=labelled.equal,
    )
    return SplitDataset(prepared, search_split, labelled, data.split_seed)
