"""Tables in CSV and Parquet files, for classification and regression.

What a column is, its categories and the classes are learnt from the development part alone. Columns
that say which group a row belongs to, or when it was, are for splitting and are no inputs.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from trainables.data import columns
from trainables.data.content import Content, SourcePaths
from trainables.data.encoding import encode, targets_of
from trainables.data.file_state import state_of
from trainables.data.held_out import chosen
from trainables.data.table import Table, read_table

FEW_CLASSES = 20
IDENTIFIER = 0.5
"""Share of distinct texts from which a column is taken for an identifier."""


@dataclass(frozen=True)
class TableFile:
    """A table whose columns are inputs but for one target.

    Attributes:
        file: The table, or its development part.
        target: Name of the target's column.
        kind: ``csv`` or ``parquet``.
        task: ``classification``, ``regression``, or None to be told from the target.
        test_file: The test part; None if it is cut from the table.
        test_share: Share of the rows that are cut off.
        categorical: Columns whose values are names even if they look like numbers.
        ignore: Columns that are no inputs.
        groups: Column of what rows belong to.
        time: Column of when rows were.
        missing: Texts that mean a missing value, besides the usual ones (CSV).
        delimiter: Between the fields (CSV).
    """

    file: Path
    target: str
    kind: str
    task: str | None = None
    test_file: Path | None = None
    test_share: float = 0.2
    categorical: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    groups: str | None = None
    time: str | None = None
    missing: tuple[str, ...] = ()
    delimiter: str = ","

    def state(self) -> list[str] | None:
        """The state of the files."""
        return state_of([self.file] + ([self.test_file] if self.test_file else []))

    def development(self) -> Content:
        """The rows that are not the test part."""
        table, _ = self._parts
        inputs, _ = encode(table, self._info)
        return self._content(table, inputs, (*self._guessed[1], *self._left_out[1], *self._tied(table)))

    def test(self) -> Content:
        """The test file's rows, or those cut off."""
        _, table = self._parts
        inputs, unknown = encode(table, self._info)
        said = tuple(
            f"column {name}: {n} values are no category of the development part and count as unknown"
            for name, n in unknown.items()
        )
        return self._content(table, inputs, said)

    @functools.cached_property
    def _parts(self) -> tuple[Table, Table]:
        whole = read_table(self.file, self.kind, self.missing, self.delimiter)
        roles = {"target": self.target, "groups": self.groups, "time": self.time}
        named = [(name, role) for role, name in roles.items() if name]
        named += [(name, "categorical") for name in self.categorical]
        named += [(name, "ignore") for name in self.ignore]
        for name, role in named:
            whole.column(name, role)
        if self.test_file is not None:
            sealed = read_table(self.test_file, self.kind, self.missing, self.delimiter, sealed=True)
            same = {name: sealed.column(name, "test_file") for name in whole.columns}
            return whole, replace(sealed, columns=same)
        mask = chosen(
            whole.digests(self.target),
            self.test_share,
            labels=self._strata(whole),
            groups=self._group_names(whole),
            times=self._times(whole),
        )
        return whole.take(~mask), whole.take(mask, sealed=True)

    def _strata(self, whole: Table) -> NDArray[np.int64] | None:
        if self.task == "regression":
            return None
        names = np.array([value or "" for value in columns.texts(whole.columns[self.target])])
        distinct, labels = np.unique(names, return_inverse=True)
        if self.task == "classification":
            self._insist_on_classes(len(distinct), len(names))
        few = self.task == "classification" or len(distinct) <= FEW_CLASSES
        return labels.astype(np.int64) if few else None

    @functools.cached_property
    def _guessed(self) -> tuple[str, tuple[str, ...]]:
        """The task, and what to tell if it was not declared."""
        if self.task is not None:
            return self.task, ()
        table = self._parts[0]
        target = table.columns[self.target]
        values = columns.numbers(target)
        if values is None and columns.mistaken(target):
            odd = table.cell(self.target, columns.strays(target)[0])
            raise UserError(
                f"data: the target {self.target} is numbers but for {odd} and perhaps others; mend it, or "
                "say task: classification"
            )
        whole = values is not None and bool(np.all(values[~np.isnan(values)] % 1 == 0))
        if values is None or (whole and len(np.unique(values)) <= FEW_CLASSES):
            task = "classification"
        else:
            task = "regression"
        return task, (f"the target {self.target} is taken for {task}; `task` in the arguments decides",)

    @functools.cached_property
    def _left_out(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """Columns that nobody named and that are no inputs, and what to tell of them."""
        table, names, said = self._parts[0], [], []
        for name in self._candidates():
            column = table.columns[name]
            if column.null_count == len(column):
                names.append(name)
                said.append(f"column {name} has no value and is left out")
            elif name not in self.categorical and columns.numbers(column) is None:
                distinct = len(set(columns.texts(column)))
                unlike = distinct > max(FEW_CLASSES, IDENTIFIER * len(column))
                if unlike and not columns.mistaken(column):
                    names.append(name)
                    said.append(
                        f"column {name} has {distinct} different texts in {len(column)} rows, looks like an "
                        "identifier and is left out; to keep it, name it under `categorical`"
                    )
        return frozenset(names), tuple(said)

    def _candidates(self) -> list[str]:
        roles = {self.target, self.groups, self.time, *self.ignore}
        return [name for name in self._parts[0].columns if name not in roles]

    @functools.cached_property
    def _info(self) -> DataInfo:
        table = self._parts[0]
        inputs = tuple(name for name in self._candidates() if name not in self._left_out[0])
        if not inputs:
            raise UserError(f"data: {table.file} has no column left to learn from")
        categories = {}
        for name in inputs:
            column = table.columns[name]
            if name in self.categorical or columns.numbers(column) is None:
                if name not in self.categorical and columns.mistaken(column):
                    odd = columns.strays(column)[0]
                    raise UserError(
                        f"data: column {name} is numbers but for {table.cell(name, odd)} and perhaps others; "
                        f"mend it, add it to `missing`, or name {name} under `categorical`"
                    )
                categories[name] = tuple(sorted({v for v in columns.texts(column) if v is not None}))
        task = self._guessed[0]
        classes = self._classes(table) if task == "classification" else ()
        return DataInfo("table", task, (len(inputs),), classes, inputs, categories)

    def _classes(self, table: Table) -> tuple[str, ...]:
        names = {value for value in columns.texts(table.columns[self.target]) if value is not None}
        self._insist_on_classes(len(names), len(table))
        numeric = columns.numbers(table.columns[self.target]) is not None
        return tuple(sorted(names, key=lambda name: (float(name), name) if numeric else (0.0, name)))

    def _insist_on_classes(self, values: int, rows: int) -> None:
        if values > max(FEW_CLASSES, IDENTIFIER * rows):
            raise UserError(
                f"data: the target {self.target} has {values} different values in {rows} rows, too many for "
                "classes; name another target, or task: regression if they are numbers"
            )

    def _content(self, table: Table, inputs: NDArray[np.float32], said: Sequence[str]) -> Content:
        return Content(
            inputs,
            targets_of(table, self.target, self._info),
            self._info,
            self._group_names(table),
            self._times(table),
            table.digests(self.target),
            tuple(said),
        )

    def _group_names(self, table: Table) -> NDArray[Any] | None:
        if self.groups is None:
            return None
        names = columns.canonical(table.columns[self.groups])
        if "" in names:
            where = table.cell(self.groups, names.index(""))
            raise UserError(f"data.arguments.groups: column {self.groups} is missing in {where}")
        return np.array(names)

    def _times(self, table: Table) -> NDArray[np.float64] | None:
        if self.time is None:
            return None
        times = columns.numbers(table.columns[self.time])
        if times is None:
            where = table.cell(self.time, columns.strays(table.columns[self.time])[0])
            raise UserError(
                f"data.arguments.time: column {self.time} is neither numbers nor ISO 8601 dates; see {where}"
            )
        if np.isnan(times).any():
            where = table.cell(self.time, int(np.flatnonzero(np.isnan(times))[0]))
            raise UserError(f"data.arguments.time: column {self.time} is missing in {where}")
        return times

    def _tied(self, table: Table) -> tuple[str, ...]:
        times = self._times(table)
        if times is None or len(np.unique(times)) == len(times):
            return ()
        _, counts = np.unique(times, return_counts=True)
        tied = int(counts[counts > 1].sum())
        return (f"{tied} of {len(times)} rows share their {self.time} with others, and stay with them",)


def open_csv(place: SourcePaths, *, file: str, **given: Any) -> TableFile:
    """A CSV table; nothing is read yet."""
    return _open(place, "csv", file, given)


def open_parquet(place: SourcePaths, *, file: str, **given: Any) -> TableFile:
    """A Parquet table; nothing is read yet."""
    return _open(place, "parquet", file, given)


def _open(place: SourcePaths, kind: str, file: str, given: dict[str, Any]) -> TableFile:
    for name in ("categorical", "ignore", "missing"):
        given[name] = tuple(given.get(name) or ())
    sealed = given.pop("test_file", None)
    given["test_file"] = place.path(sealed) if sealed else None
    return TableFile(place.path(file), kind=kind, **given)
