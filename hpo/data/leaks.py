"""Leaks between the parts of a data set, found before the search starts.

Exact copies are found by their digests, near copies of images and table rows by the custodian, which
can read the test part; its answer names development rows and counts, never a row of the test part.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.json_values import SpecFields
from hpo.core.trainable import Examples
from hpo.data.equal_rows import equal_by_chance
from hpo.data.examples import open_examples
from hpo.data.image_shortcuts import image_shortcuts
from hpo.data.leak_coverage import coverage_of
from hpo.data.leak_report import EQUAL, Leaks, agreeing
from hpo.data.mislabelled import mislabelled_rows
from hpo.data.near_copies import NearCopies, find_near_copies
from hpo.data.prepared import ROWS, Prepared, mapped
from hpo.data.revealing_columns import revealing_columns
from hpo.data.split import Split
from hpo.data.stream_copies import copied_blocks
from hpo.data.table_copies import column_names
from hpo.data.target_encoding import target_encoded
from trainables.data.digests import are_among, as_keys
from trainables.data.token_stream import KIND as STREAM

MOST_ENCODED = 100_000
"""Rows beyond which columns are compared with means of targets on the first ones alone."""


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
    equal: dict[str, Any] = {**_equal_rows(data, split.train, held_out)}
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
        pairs=columns.pairs,
        encoded=_encoded(data, columns.whole),
        **_label_errors(data),
        sought=coverage.sought,
        not_sought=coverage.not_sought,
    )


def _encoded(data: Prepared, revealing: Mapping[str, float]) -> tuple[str, ...]:
    """Return the columns of numbers that are means of the targets of their rows."""
    info = data.info
    if info.kind != "table" or info.task == "other":
        return ()
    numbers = {
        index: name
        for index, name in enumerate(column_names(info))
        if name not in info.categories and name not in revealing
    }
    table, targets = data.inputs()[:MOST_ENCODED], data.targets()[:MOST_ENCODED]
    return target_encoded(table, targets, numbers, len(info.classes))


def _label_errors(data: Prepared) -> dict[str, Any]:
    """Return the development rows that may be mislabelled, and how many were examined."""
    if data.info.kind not in ("table", "image") or data.info.task != "classification":
        return {}
    found = mislabelled_rows(data.inputs(), data.targets())
    return {"mislabelled": tuple(found.rows.tolist()), "labels_examined": found.examined}


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
    rows = mapped(data.sample.folder / ROWS) if data.sample else np.arange(data.n)
    return dataclasses.replace(
        leaks,
        **equal,
        mislabelled=tuple(rows[list(leaks.mislabelled)].tolist()) if leaks.mislabelled else (),
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
        f"{agreeing(equal[name], EQUAL[name])}; chance explains that, because the columns have few values"
        for name in by_chance
    )


def _test_notes(data: Prepared) -> tuple[str, ...]:
    if data.test is None:
        return ("the data has no test part: the search will end with only a validation score",)
    return ()
