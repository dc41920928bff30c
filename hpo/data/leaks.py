"""Ways in which the answer may reach a model before it is asked: looked for before the search.

Exact copies are found by digests, near copies of images by the custodian with the test part at
hand; what comes back names development rows and counts, never a row of the test part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.custodian import look_for_near_copies
from hpo.data.examples import open_examples
from hpo.data.prepared import Prepared, mapped
from hpo.data.revealing_columns import revealing_columns
from hpo.data.split import Split
from trainables.data.digests import as_keys, row_digests


@dataclass(frozen=True, slots=True)
class Leaks:
    """What was found.

    Attributes:
        train_test: Training rows whose inputs are also in the test part.
        validation_test: Validation rows (of either role) whose inputs are also in the test part.
        train_validation: Validation rows whose inputs are also in the train part.
        contradicting: Rows that have the inputs of another development row and another label.
        near_train_test: Training rows with a near copy in the test part; None if not looked for.
        near_train_validation: Validation rows with a near copy in the train part; None likewise.
        groups_train_validation: Groups with rows in train and validation.
        groups_test: Groups with rows in the development and the test part.
        columns: Columns that give the target away, with the share of the error they take away.
        notes: What could not be looked for, and other facts, each a sentence.
    """

    train_test: int
    validation_test: int
    train_validation: int
    contradicting: int
    near_train_test: int | None
    near_train_validation: int | None
    groups_train_validation: int
    groups_test: int
    columns: Mapping[str, float]
    notes: tuple[str, ...] = ()

    @property
    def stops(self) -> bool:
        """Whether the search must not start unless the spec accepts it: train overlaps test."""
        return self.train_test > 0

    def findings(self) -> list[str]:
        """Every leak in a sentence, the gravest first; empty if there is none."""
        counted = [
            (self.train_test, "training rows are also in the test part"),
            (self.validation_test, "validation rows are also in the test part"),
            (self.train_validation, "validation rows are also in the train part"),
            (self.groups_test, "groups have rows in the test part and in the rest"),
            (self.groups_train_validation, "groups have rows in train and in validation"),
            (self.near_train_test, "training images have a near copy in the test part"),
            (self.near_train_validation, "validation images have a near copy in the train part"),
            (self.contradicting, "rows have the inputs of another row and a different label"),
        ]
        said = [f"{count} {what}" for count, what in counted if count]
        return said + [
            f"column {name} alone predicts the target: it takes away {share:.1%} of the error"
            for name, share in self.columns.items()
        ]

    def to_json(self) -> dict[str, Any]:
        """All of it as a JSON value, with the sentences."""
        return {**dataclasses.asdict(self), "stops": self.stops, "findings": self.findings()}


def find_leaks(
    data: Prepared,
    split: Split,
    source: str,
    arguments: Mapping[str, Any],
    base: Path,
    *,
    near: bool = True,
) -> Leaks:
    """Look for leaks between the parts of a data set.

    Args:
        data: As `prepare` gave it.
        split: Of its development part.
        source: As it was prepared.
        arguments: As it was prepared.
        base: Folder to which relative paths refer.
        near: Whether near copies of images are looked for too, which takes up to a minute for
            60,000 images the first time.

    Raises:
        UserError: If the source has to be read once more and cannot be.
    """
    part = open_examples(data.folder, split.train)
    judged = split.validation if split.final is None else np.concatenate([split.validation, split.final])
    keys = as_keys(row_digests(part.inputs))
    copies = np.zeros(0, np.int64) if data.test is None else mapped(data.test.copies)
    pairs, tested, notes = _near(data, source, arguments, base) if near else (None, None, ())
    groups = data.groups()
    return Leaks(
        train_test=_count(split.train, copies),
        validation_test=_count(judged, copies),
        train_validation=int(np.isin(keys[judged], keys[split.train]).sum()),
        contradicting=_contradicting(keys, data.targets()) if data.info.task == "classification" else 0,
        near_train_test=None if tested is None or data.test is None else _count(split.train, tested),
        near_train_validation=None if pairs is None else _straddling(pairs, split.train, judged),
        groups_train_validation=0
        if groups is None
        else len(np.intersect1d(groups[split.train], groups[judged])),
        groups_test=data.test.shared_groups if data.test else 0,
        columns=revealing_columns(part),
        notes=(*notes, *_test_notes(data)),
    )


def _near(
    data: Prepared, source: str, arguments: Mapping[str, Any], base: Path
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64] | None, tuple[str, ...]]:
    if data.info.kind != "image":
        return None, None, ()
    found = look_for_near_copies(data, source, arguments, base)
    if not found["told"]:
        return None, None, ("near copies were not looked for: these images are too small or too uniform",)
    pairs = np.array(found["within"], np.int64).reshape(-1, 2)
    return pairs, np.array(found["test"], np.int64), ()


def _count(rows: NDArray[np.int64], among: NDArray[np.int64]) -> int:
    return int(np.isin(rows, among).sum())


def _straddling(pairs: NDArray[np.int64], train: NDArray[np.int64], judged: NDArray[np.int64]) -> int:
    both = np.concatenate([pairs, pairs[:, ::-1]])
    across = both[np.isin(both[:, 0], train) & np.isin(both[:, 1], judged)]
    return len(np.unique(across[:, 1]))


def _contradicting(keys: NDArray[np.void], targets: NDArray[Any]) -> int:
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    odd = np.unique(same[targets != targets[first][same]])
    return int(np.isin(same, odd).sum())


def _test_notes(data: Prepared) -> tuple[str, ...]:
    if data.test is None:
        return ("there is no test part: the search will end with a validation score alone",)
    return ()
