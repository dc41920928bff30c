"""Leaks between the parts of a data set, found before the search starts.

Exact copies are found by their digests, near duplicates of images by the custodian, which can read
the test part; its answer names development rows and counts, never a row of the test part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.json_values import JsonObject, SpecFields
from hpo.data.custodian import find_near_duplicates
from hpo.data.examples import open_examples
from hpo.data.prepared import Prepared, mapped
from hpo.data.revealing_columns import revealing_columns
from hpo.data.split import Split
from trainables.data.digests import as_keys, row_digests


@dataclass(frozen=True, slots=True)
class Leaks:
    """The leaks of one data set.

    Attributes:
        train_test: Training rows whose inputs are also in the test part.
        validation_test: Validation rows (of either role) whose inputs are also in the test part.
        train_validation: Validation rows whose inputs are also in the train part.
        contradicting: Rows with the same inputs as another development row but a different label.
        near_train_test: Training rows with a near duplicate in the test part; None if not checked.
        near_train_validation: Validation rows with a near duplicate in the train part; None likewise.
        groups_train_validation: Groups with rows in both train and validation.
        groups_test: Groups with rows in both the development and the test part.
        columns: Columns that reveal the target, with the share of the error that each removes.
        notes: What could not be checked, and other facts, each a sentence.
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
        """Whether train overlaps test, so that the search may start only if the spec accepts it."""
        return self.train_test > 0

    def findings(self) -> list[str]:
        """Return a sentence for every leak, the most serious first; empty without leaks."""
        counts = [
            (self.train_test, "training rows are also in the test part"),
            (self.validation_test, "validation rows are also in the test part"),
            (self.train_validation, "validation rows are also in the train part"),
            (self.groups_test, "groups have rows both in the test part and outside it"),
            (self.groups_train_validation, "groups have rows in both train and validation"),
            (self.near_train_test, "training images have a near duplicate in the test part"),
            (self.near_train_validation, "validation images have a near duplicate in the train part"),
            (self.contradicting, "rows have the same inputs as another row but a different label"),
        ]
        sentences = [f"{count} {leak}" for count, leak in counts if count]
        return sentences + [
            f"column {name} alone predicts the target: it removes {share:.1%} of the error"
            for name, share in self.columns.items()
        ]

    def to_json(self) -> JsonObject:
        """Return everything as a JSON value, with the sentences."""
        return {**dataclasses.asdict(self), "stops": self.stops, "findings": self.findings()}


def find_leaks(
    data: Prepared,
    split: Split,
    source: str,
    arguments: SpecFields,
    base: Path,
    *,
    near: bool = True,
) -> Leaks:
    """Look for leaks between the parts of a data set.

    Args:
        data: As returned by `prepare`.
        split: Split of its development part.
        source: The source it was prepared from.
        arguments: The arguments it was prepared with.
        base: Folder that relative paths start from.
        near: Whether to look for near duplicates of images too, which takes up to a minute for
            60,000 images the first time.

    Raises:
        UserError: If the source must be read again and cannot be.
    """
    part = open_examples(data.folder, split.train)
    held_out = split.validation if split.final is None else np.concatenate([split.validation, split.final])
    keys = as_keys(row_digests(part.inputs))
    copies = np.zeros(0, np.int64) if data.test is None else mapped(data.test.copies)
    pairs, near_test, notes = _near(data, source, arguments, base) if near else (None, None, ())
    groups = data.groups()
    return Leaks(
        train_test=_count(split.train, copies),
        validation_test=_count(held_out, copies),
        train_validation=int(np.isin(keys[held_out], keys[split.train]).sum()),
        contradicting=_contradicting(keys, data.targets()) if data.info.task == "classification" else 0,
        near_train_test=None if near_test is None or data.test is None else _count(split.train, near_test),
        near_train_validation=None if pairs is None else _straddling(pairs, split.train, held_out),
        groups_train_validation=0
        if groups is None
        else len(np.intersect1d(groups[split.train], groups[held_out])),
        groups_test=data.test.shared_groups if data.test else 0,
        columns=revealing_columns(part),
        notes=(*notes, *_test_notes(data)),
    )


def _near(
    data: Prepared, source: str, arguments: SpecFields, base: Path
) -> tuple[NDArray[np.int64] | None, NDArray[np.int64] | None, tuple[str, ...]]:
    if data.info.kind != "image":
        return None, None, ()
    result = find_near_duplicates(data, source, arguments, base)
    if not result["told"]:
        return None, None, ("near duplicates were not checked: these images are too small or too uniform",)
    pairs = np.array(result["within"], np.int64).reshape(-1, 2)
    return pairs, np.array(result["test"], np.int64), ()


def _count(rows: NDArray[np.int64], among: NDArray[np.int64]) -> int:
    return int(np.isin(rows, among).sum())


def _straddling(pairs: NDArray[np.int64], train: NDArray[np.int64], held_out: NDArray[np.int64]) -> int:
    both = np.concatenate([pairs, pairs[:, ::-1]])
    across = both[np.isin(both[:, 0], train) & np.isin(both[:, 1], held_out)]
    return len(np.unique(across[:, 1]))


def _contradicting(keys: NDArray[np.void], targets: NDArray[Any]) -> int:
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    odd = np.unique(same[targets != targets[first][same]])
    return int(np.isin(same, odd).sum())


def _test_notes(data: Prepared) -> tuple[str, ...]:
    if data.test is None:
        return ("the data has no test part: the search will end with only a validation score",)
    return ()
