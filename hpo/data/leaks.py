"""Leaks between the parts of a data set, found before the search starts.

Exact copies are found by their digests, near copies of images and table rows by the custodian, which
can read the test part; its answer names development rows and counts, never a row of the test part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.json_values import JsonObject, SpecFields
from hpo.core.trainable import Examples
from hpo.data.equal_rows import equal_by_chance
from hpo.data.examples import open_examples
from hpo.data.image_shortcuts import image_shortcuts
from hpo.data.leak_coverage import coverage_of
from hpo.data.near_copies import NearCopies, find_near_copies
from hpo.data.prepared import ROWS, Prepared, mapped
from hpo.data.revealing_columns import revealing_columns
from hpo.data.shift import TARGET
from hpo.data.split import Split
from hpo.data.stream_copies import copied_blocks
from trainables.data.digests import are_among, as_keys
from trainables.data.token_stream import KIND as STREAM

EQUAL = {
    "train_test": "training rows are also in the test part",
    "validation_test": "validation rows are also in the test part",
    "train_validation": "validation rows are also in the train part",
    "contradicting": "rows have the same inputs as another row but a different label",
}
"""What each count of equal rows means."""


@dataclass(frozen=True, slots=True)
class Leaks:
    """The leaks of one data set.

    Attributes:
        train_test: Training rows whose inputs are also in the test part.
        validation_test: Validation rows (of either role) whose inputs are also in the test part.
        train_validation: Validation rows whose inputs are also in the train part.
        contradicting: Rows with the same inputs as another development row but a different label.
        near_train_test: Training rows with a near copy in the test part; None if not checked.
        near_validation_test: Validation rows (of either role) with one in the test part; None likewise.
        near_train_validation: Validation rows with one in the train part; None likewise.
        groups_train_validation: Groups with rows in both train and validation.
        groups_test: Groups with rows in both the development and the test part.
        columns: Columns that reveal the target, with the share of the error that each removes.
        kind: Kind of the data, as in `DataInfo`.
        changed_column: Column of a table that alone differs in the most near copies; empty if in none.
        by_chance: Names of the counts of equal rows that are no larger than columns of few values explain.
        partial_columns: Columns that reveal the target of some rows, with the share of these rows.
        shifted: Columns that are distributed differently in the test part although neither groups nor
            times explain it, with the greatest difference between the shares of both parts.
        early: Test rows that are earlier than the latest row of the development part.
        timed: Whether the data is divided by time.
        shortcuts: Properties of images that alone predict the class, with the share of the error removed.
        notes: What could not be checked, and other facts, each a sentence.
        sought: What was looked for, in a few words each.
        not_sought: What was not looked for, and why.
        telling: The column that by itself removes the most of the error; empty if none removes any.
        removed: The share of the error that it removes.
    """

    train_test: int
    validation_test: int
    train_validation: int
    contradicting: int
    near_train_test: int | None
    near_validation_test: int | None
    near_train_validation: int | None
    groups_train_validation: int
    groups_test: int
    columns: Mapping[str, float]
    notes: tuple[str, ...] = ()
    kind: str = "image"
    changed_column: str = ""
    by_chance: tuple[str, ...] = ()
    partial_columns: Mapping[str, float] = field(default_factory=dict)
    shifted: Mapping[str, float] = field(default_factory=dict)
    early: int = 0
    sought: tuple[str, ...] = ()
    not_sought: tuple[str, ...] = ()
    telling: str = ""
    removed: float = 0.0
    timed: bool = False
    shortcuts: Mapping[str, float] = field(default_factory=dict)

    @property
    def stops(self) -> bool:
        """Whether the search may start only if the spec accepts it.

        That is so if training rows, or groups of them, are also in the test part. Data that is divided by
        time may have a group on both sides.
        """
        copied = self.train_test > 0 and "train_test" not in self.by_chance
        return copied or (self.groups_test > 0 and not self.timed)

    def findings(self) -> list[str]:
        """Return a sentence for every leak, the most serious first; empty without leaks."""
        counts = [
            *self._equal(("train_test", "validation_test", "train_validation")),
            (self.groups_test, "groups have rows both in the test part and outside it"),
            (self.groups_train_validation, "groups have rows in both train and validation"),
            (self.early, "test rows are earlier than the latest row outside the test part"),
            (self.near_train_test, f"training {self._near('the test part')}"),
            (self.near_validation_test, f"validation {self._near('the test part')}"),
            (self.near_train_validation, f"validation {self._near('the train part')}"),
            *self._equal(("contradicting",)),
        ]
        sentences = [f"{count} {leak}" for count, leak in counts if count]
        whole = [
            f"column {name} alone predicts the target: it removes {share:.1%} of the error"
            for name, share in self.columns.items()
        ]
        partial = [
            f"column {name} alone predicts the target in the {share:.1%} of the rows where it is neither "
            "missing nor at its most frequent value"
            for name, share in self.partial_columns.items()
        ]
        shifted = [
            f"{_called(name)} is distributed differently in the test part, by up to {share:.0%} of the "
            "rows: compare units, codes and missing values"
            for name, share in self.shifted.items()
        ]
        shortcuts = [
            f"{name} of an image alone predicts the class: it removes {share:.1%} of the error"
            for name, share in self.shortcuts.items()
        ]
        return [*sentences, *whole, *partial, *shifted, *shortcuts]

    def _equal(self, names: tuple[str, ...]) -> list[tuple[int, str]]:
        return [(getattr(self, name), EQUAL[name]) for name in names if name not in self.by_chance]

    def _near(self, part: str) -> str:
        if self.kind != "table":
            return f"images have a near duplicate in {part}"
        column = f", most often {self.changed_column}" if self.changed_column else ""
        return f"rows equal a row of {part} except for noise, rounding or one column{column}"

    def to_json(self) -> JsonObject:
        """Return everything as a JSON value, with the sentences."""
        return {**dataclasses.asdict(self), "stops": self.stops, "findings": self.findings()}


def _called(column: str) -> str:
    return column if column == TARGET else f"column {column}"


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
        near: Whether to look for near copies too, which takes up to a minute for 60,000 images the
            first time.

    Raises:
        UserError: If the source must be read again and cannot be.
    """
    sample = data.sample
    if sample is not None:
        few = split.within(mapped(sample.folder / ROWS))
        return _of_all_rows(find_leaks(sample, few, source, arguments, base, near=near), data, split)
    part = open_examples(data.folder, split.train)
    held_out = split.held_out
    copied = find_near_copies(data, split.train, held_out, source, arguments, base) if near else NearCopies()
    groups, columns = data.groups(), revealing_columns(part)
    equal = _equal_rows(data, split.train, held_out)
    by_chance = _by_chance(part, equal, data.test.n if data.test else 0, len(held_out))
    coverage = coverage_of(data, near=copied.train_validation is not None)
    return Leaks(
        **equal,
        near_train_test=copied.train_test,
        near_validation_test=copied.validation_test,
        near_train_validation=copied.train_validation,
        groups_train_validation=_shared(groups, split.train, held_out),
        groups_test=data.test.shared_groups if data.test else 0,
        columns=columns.whole,
        partial_columns=columns.partial,
        shifted=copied.shifted if groups is None and data.times() is None else {},
        early=copied.early,
        notes=(*columns.notes, *copied.notes, *_chance_notes(equal, by_chance), *_test_notes(data)),
        kind=data.info.kind,
        changed_column=copied.column,
        by_chance=by_chance,
        timed=data.times() is not None,
        shortcuts={**image_shortcuts(part), **(data.file_shortcuts() or {})},
        telling=columns.telling,
        removed=columns.removed,
        sought=coverage.sought,
        not_sought=coverage.not_sought,
    )


def _equal_rows(data: Prepared, train: NDArray[np.int64], held_out: NDArray[np.int64]) -> dict[str, int]:
    """Return the counts of equal rows, among those that have digests."""
    copies = np.zeros(0, np.int64) if data.test is None else mapped(data.test.copies)
    digests, rows = data.digests()
    trained, kept = np.isin(rows, train), np.isin(rows, held_out)
    classes = data.info.task == "classification"
    again = are_among(digests[kept], digests[trained])
    if data.info.kind == STREAM:
        again = copied_blocks(data.inputs(), data.inputs(), rows[kept], rows[trained]) >= 0
    return {
        "train_test": _count(train, copies),
        "validation_test": _count(held_out, copies),
        "train_validation": int(again.sum()),
        "contradicting": _contradicting(digests, data.targets()[rows]) if classes else 0,
    }


def _of_all_rows(leaks: Leaks, data: Prepared, split: Split) -> Leaks:
    """Return the leaks of a sample with the counts of equal rows and groups of the whole data set."""
    equal: dict[str, Any] = {**_equal_rows(data, split.train, split.held_out)}
    return dataclasses.replace(
        leaks,
        **equal,
        groups_train_validation=_shared(data.groups(), split.train, split.held_out),
        groups_test=data.test.shared_groups if data.test else 0,
    )


def _shared(groups: NDArray[Any] | None, train: NDArray[np.int64], held_out: NDArray[np.int64]) -> int:
    return 0 if groups is None else len(np.intersect1d(groups[train], groups[held_out]))


def _by_chance(train: Examples, equal: Mapping[str, int], test: int, held_out: int) -> tuple[str, ...]:
    """Return the names of the counts of equal rows that columns of few values explain."""
    if train.info.kind != "table" or not any(equal.values()):
        return ()
    rows = train.inputs[train.rows]
    others = {
        "train_test": test,
        "validation_test": test * held_out // max(1, len(rows)),
        "train_validation": held_out,
        "contradicting": len(rows),
    }
    chance = equal_by_chance(rows)
    return tuple(name for name, count in equal.items() if count and chance.explains(count, others[name]))


def _count(rows: NDArray[np.int64], among: NDArray[np.int64]) -> int:
    return int(np.isin(rows, among).sum())


def _contradicting(digests: NDArray[np.uint64], targets: NDArray[Any]) -> int:
    ascending = np.sort(digests[:, 0])
    repeated = np.flatnonzero(np.isin(digests[:, 0], ascending[1:][ascending[1:] == ascending[:-1]]))
    keys, targets = as_keys(digests[repeated]), targets[repeated]
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    odd = np.unique(same[targets != targets[first][same]])
    return int(np.isin(same, odd).sum())


def _chance_notes(equal: Mapping[str, int], by_chance: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(
        f"{equal[name]} {EQUAL[name]}; chance explains that many, because the columns have few values"
        for name in by_chance
    )


def _test_notes(data: Prepared) -> tuple[str, ...]:
    if data.test is None:
        return ("the data has no test part: the search will end with only a validation score",)
    return ()
