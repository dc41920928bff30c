"""Tables in CSV and Parquet files, for classification and regression.

Column types, categories and classes are inferred from the development part alone. Columns of groups
or times serve the split and are not inputs.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from trainables.data import columns
from trainables.data.content import Content, SourcePaths
from trainables.data.digests import file_digest
from trainables.data.file_state import state_of
from trainables.data.held_out import first_cut
from trainables.data.suspicions import suspicions
from trainables.data.table_encoding import encode, targets_of
from trainables.data.table_reading import Table, read_table
from trainables.data.uncut import READER, Cutter, Uncut
from trainables.data.written_numbers import Notation, notations, read_notations

FEW_CLASSES = 20
IDENTIFIER = 0.5
"""Share of distinct texts above which a column counts as an identifier."""


@dataclass(frozen=True)
class TableFile:
    """A table whose columns are inputs except for one target.

    Attributes:
        file: The table, or its development part.
        target: Name of the target column.
        kind: ``csv`` or ``parquet``.
        task: ``classification``, ``regression``, or None to infer it from the target.
        test_file: The test part; None to cut it from the table.
        test_share: Share of the rows to cut off.
        categorical: Columns whose values are names even if they look like numbers.
        ignore: Columns that are not inputs.
        groups: Column with the group of each row.
        time: Column with the time of each row.
        id: Column that identifies each row; by it a row is known again after its values changed.
        missing: Texts that mean a missing value, besides the usual ones (CSV).
        delimiter: Character between the fields (CSV).
        decimal: Decimal sign of numbers written as texts (CSV); None to infer it for each column.
        cutter: Decides which rows of one file are the test part; None for the first cut.
        reader: Version of the readers; the first took numbers that are written for people for texts.
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
    id: str | None = None
    missing: tuple[str, ...] = ()
    delimiter: str = ","
    decimal: str | None = None
    cutter: Cutter | None = None
    reader: int = READER

    def state(self) -> list[str] | None:
        """Return the state of the files."""
        return state_of([self.file] + ([self.test_file] if self.test_file else []))

    def development(self) -> Content:
        """Return the rows outside the test part."""
        table, _ = self._parts
        inputs, _ = encode(table, self._info)
        _refuse_infinite(table, self._info, inputs)
        seen = (*self._written_warnings(), *suspicions(table, self._info) * (self.reader > 2))
        warnings = (*self._task[1], *self._whole.notes, *self._left_out[1], *seen, *self._tied(table))
        return self._content(table, inputs, warnings)

    def test(self) -> Content:
        """Return the test file's rows, or those cut off."""
        _, table = self._parts
        inputs, unknown = encode(table, self._info)
        _refuse_infinite(table, self._info, inputs)
        warnings = tuple(
            f"column {name}: {n} values are not categories of the development part and count as unknown"
            for name, n in unknown.items()
        )
        return self._content(table, inputs, warnings)

    @functools.cached_property
    def _whole(self) -> Table:
        return read_table(self.file, self.kind, self.missing, self.delimiter)

    @functools.cached_property
    def _parts(self) -> tuple[Table, Table]:
        """The development and the test part, numbers that were written for people as numbers.

        They are read after the cut and digests are those of the file, so that no row moves.
        """
        parts = tuple(part.digested(self.target) for part in self._cut)
        return read_notations(parts[0], self._notations), read_notations(parts[1], self._notations)

    @functools.cached_property
    def _notations(self) -> dict[str, Notation]:
        table = self._cut[0]
        names = [
            name for name in table.columns if name not in {self.groups, self.time, self.id, *self.ignore}
        ]
        if self.task == "classification":
            names.remove(self.target)
        names = [name for name in names if name not in self.categorical]
        return notations(table, names, self.decimal, self.delimiter) if self.reader > 2 else {}

    def _written_warnings(self) -> tuple[str, ...]:
        return tuple(
            f"column {name}: values such as {notation.example!r} are read as numbers "
            f"({notation.described()}); to keep the texts, list it under `categorical`"
            for name, notation in self._notations.items()
        )

    @functools.cached_property
    def _cut(self) -> tuple[Table, Table]:
        """The development and the test part as the file has them."""
        whole = self._whole
        roles = {"target": self.target, "groups": self.groups, "time": self.time, "id": self.id}
        named = [(name, role) for role, name in roles.items() if name]
        named += [(name, "categorical") for name in self.categorical]
        named += [(name, "ignore") for name in self.ignore]
        for name, role in named:
            whole.column(name, role)
        if set(whole.columns) == {self.target}:
            raise UserError(f"data: {self.file} has no column besides the target {self.target}")
        if self.test_file is not None:
            sealed = read_table(self.test_file, self.kind, self.missing, self.delimiter, sealed=True)
            shared = {name: sealed.column(name, "test_file") for name in whole.columns}
            return whole, replace(sealed, columns=shared)
        whole = whole.digested(self.target)
        rows = Uncut(
            whole.digests(self.target),
            self.test_share,
            self._strata(whole),
            self._group_names(whole),
            self._times(whole),
            self._ids(whole),
            self._known_cells.values,
            file_digest(self.file),
        )
        mask = (self.cutter or first_cut)(rows)
        return whole.take(~mask), whole.take(mask, sealed=True)

    def _strata(self, whole: Table) -> NDArray[np.int64] | None:
        if self.task == "regression":
            return None
        names = np.array([value or "" for value in columns.texts(whole.columns[self.target])])
        distinct, labels = np.unique(names, return_inverse=True)
        if self.task == "classification":
            self._check_class_count(len(distinct), len(names))
        few = self.task == "classification" or len(distinct) <= FEW_CLASSES
        return labels.astype(np.int64) if few else None

    @functools.cached_property
    def _task(self) -> tuple[str, tuple[str, ...]]:
        """Return the task, and a warning if it was not declared."""
        if self.task is not None:
            return self.task, ()
        table = self._parts[0]
        target = table.columns[self.target]
        values = table.numbers(self.target)
        if values is None and self._mistaken(target):
            cell = table.cell(self.target, columns.strays(target)[0])
            raise UserError(
                f"data: the target {self.target} is numeric except for {cell} and perhaps others; fix it, "
                "or set task: classification"
            )
        whole = values is not None and bool(np.all(values[~np.isnan(values)] % 1 == 0))
        written = self.target in self._notations
        if values is None or (whole and not written and len(np.unique(values)) <= FEW_CLASSES):
            task = "classification"
        else:
            task = "regression"
        return task, (
            f"the target {self.target} is treated as {task}; set `task` in the arguments to choose",
        )

    @functools.cached_property
    def _left_out(self) -> tuple[frozenset[str], tuple[str, ...]]:
        """Columns without a role that are not inputs, and a warning for each."""
        table, names, warnings = self._parts[0], [], []
        for name in self._candidates():
            column = table.columns[name]
            if column.null_count == len(column):
                names.append(name)
                warnings.append(f"column {name} is empty and is left out")
            elif name not in self.categorical and table.numbers(name) is None:
                distinct = len(set(columns.texts(column)))
                identifying = distinct > max(FEW_CLASSES, IDENTIFIER * len(column))
                if identifying and not self._mistaken(column):
                    names.append(name)
                    warnings.append(
                        f"column {name} has {distinct} different texts in {len(column)} rows, looks like an "
                        "identifier and is left out; to keep it, list it under `categorical`"
                    )
        return frozenset(names), tuple(warnings)

    def _mistaken(self, column: pa.Array) -> bool:
        return columns.mistaken(column) or (self.reader > 2 and columns.has_placeholder(column))

    def _candidates(self) -> list[str]:
        roles = {self.target, self.groups, self.time, self.id, *self.ignore}
        return [name for name in self._parts[0].columns if name not in roles]

    @functools.cached_property
    def _info(self) -> DataInfo:
        table = self._parts[0]
        inputs = tuple(name for name in self._candidates() if name not in self._left_out[0])
        if not inputs:
            raise UserError(f"data: {table.file} has no input columns left")
        categories = {}
        for name in inputs:
            column = table.columns[name]
            if name in self.categorical or table.numbers(name) is None:
                if name not in self.categorical and self._mistaken(column):
                    cell = table.cell(name, columns.strays(column)[0])
                    raise UserError(
                        f"data: column {name} is numeric except for {cell} and perhaps others; "
                        f"fix it, add it to `missing`, or list {name} under `categorical`"
                    )
                categories[name] = tuple(sorted({v for v in columns.texts(column) if v is not None}))
        task = self._task[0]
        classes = self._classes(table) if task == "classification" else ()
        return DataInfo("table", task, (len(inputs),), classes, inputs, categories)

    def _classes(self, table: Table) -> tuple[str, ...]:
        names = {value for value in columns.texts(table.columns[self.target]) if value is not None}
        self._check_class_count(len(names), len(table))
        numeric = table.numbers(self.target) is not None
        return tuple(sorted(names, key=lambda name: (float(name), name) if numeric else (0.0, name)))

    def _check_class_count(self, values: int, rows: int) -> None:
        if values > max(FEW_CLASSES, IDENTIFIER * rows):
            raise UserError(
                f"data: the target {self.target} has {values} different values in {rows} rows, too many for "
                "classes; choose another target, or set task: regression if they are numbers"
            )

    def _content(self, table: Table, inputs: NDArray[np.float32], warnings: Sequence[str]) -> Content:
        return Content(
            inputs,
            targets_of(table, self.target, self._info),
            self._info,
            self._group_names(table),
            self._times(table),
            table.digests(self.target),
            tuple(warnings),
            positions=table.rows if self.test_file is None else None,
            traits=tuple(self._trait(table, name) for name in table.columns if name != self.target),
        )

    def _trait(self, table: Table, name: str) -> NDArray[Any]:
        """Return a column as numbers if both parts hold numbers there, otherwise as texts."""
        if self.test_file is None:
            return np.asarray(self._known_cells[name][table.rows])
        table = self._cut[0 if table is self._parts[0] else 1]
        numeric = all(part.numbers(name) is not None for part in self._cut)
        return _cells(table, name) if numeric else _texts(table.columns[name])

    @functools.cached_property
    def _known_cells(self) -> dict[str, NDArray[Any]]:
        """The cells of the whole file by column."""
        return {name: _cells(self._whole, name) for name in self._whole.columns}

    def _ids(self, whole: Table) -> NDArray[Any] | None:
        if self.id is None:
            return None
        names = columns.canonical(whole.columns[self.id])
        if "" in names:
            cell = whole.cell(self.id, names.index(""))
            raise UserError(f"data.arguments.id: column {self.id} has no value in {cell}")
        ids, first, counts = np.unique(np.array(names), return_index=True, return_counts=True)
        if len(ids) < len(names):
            row = int(first[counts > 1].min())
            raise UserError(
                f"data.arguments.id: {int((counts > 1).sum())} values of column {self.id} occur more than "
                f"once, such as the one in {whole.cell(self.id, row)}; a column that names several rows "
                "belongs under `groups`"
            )
        return np.array(names)

    def _group_names(self, table: Table) -> NDArray[Any] | None:
        if self.groups is None:
            return None
        names = columns.canonical(table.columns[self.groups])
        if "" in names:
            cell = table.cell(self.groups, names.index(""))
            raise UserError(f"data.arguments.groups: column {self.groups} has no value in {cell}")
        return np.array(names)

    def _times(self, table: Table) -> NDArray[np.float64] | None:
        if self.time is None:
            return None
        times = table.numbers(self.time)
        if times is None:
            cell = table.cell(self.time, columns.strays(table.columns[self.time])[0])
            raise UserError(
                f"data.arguments.time: column {self.time} has neither numbers nor ISO 8601 dates; see {cell}"
            )
        if np.isnan(times).any():
            cell = table.cell(self.time, int(np.flatnonzero(np.isnan(times))[0]))
            raise UserError(f"data.arguments.time: column {self.time} has no value in {cell}")
        return times

    def _tied(self, table: Table) -> tuple[str, ...]:
        times = self._times(table)
        if times is None or len(np.unique(times)) == len(times):
            return ()
        _, counts = np.unique(times, return_counts=True)
        tied = int(counts[counts > 1].sum())
        return (f"{tied} of {len(times)} rows share their {self.time} with others and stay together",)


def open_csv(paths: SourcePaths, *, file: str, **arguments: Any) -> TableFile:
    """Return a CSV table as a source; nothing is read yet."""
    return _open(paths, "csv", file, arguments)


def open_parquet(paths: SourcePaths, *, file: str, **arguments: Any) -> TableFile:
    """Return a Parquet table as a source; nothing is read yet."""
    return _open(paths, "parquet", file, arguments)


def _open(paths: SourcePaths, kind: str, file: str, arguments: dict[str, Any]) -> TableFile:
    for name in ("categorical", "ignore", "missing"):
        arguments[name] = tuple(arguments.get(name) or ())
    sealed = arguments.pop("test_file", None)
    arguments["test_file"] = paths.path(sealed) if sealed else None
    return TableFile(paths.path(file), kind=kind, cutter=paths.cutter, reader=paths.reader, **arguments)


def _refuse_infinite(table: Table, info: DataInfo, inputs: NDArray[np.float32]) -> None:
    """Refuse numbers that are infinite, or too large for single precision.

    Raises:
        UserError: With the row of the file.
    """
    if not np.isinf(inputs).any():  # much faster than column by column
        return
    for index, name in enumerate(info.columns):
        bad = np.flatnonzero(np.isinf(inputs[:, index]))
        if len(bad):
            raise UserError(
                f"data: column {name} is infinite or beyond single precision in "
                f"{table.cell(name, int(bad[0]))} ({len(bad)} such rows); correct it, or leave it out: "
                f"arguments: {{ignore: [{name}]}}"
            )


def _cells(table: Table, name: str) -> NDArray[Any]:
    """Return a column as numbers if it holds numbers, otherwise as texts."""
    values = table.numbers(name)
    return _texts(table.columns[name]) if values is None else values


def _texts(column: pa.Array) -> NDArray[Any]:
    # As objects: an array of fixed width would be as wide as its longest text everywhere.
    return np.array([value or "" for value in columns.texts(column)], object)
