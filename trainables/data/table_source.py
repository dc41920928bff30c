"""Tables in CSV and Parquet files, for classification and regression.

Column types, categories and classes are inferred from the development part alone. Columns of groups
or times serve the split and are not inputs.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from trainables.data import columns, precision
from trainables.data.column_choices import ColumnChoices
from trainables.data.column_kinds import FEW_CLASSES, IDENTIFIER, ColumnKind, kinds_of
from trainables.data.content import Content, SourcePaths
from trainables.data.data_report import DataReport, target_distribution
from trainables.data.digests import file_digest
from trainables.data.file_state import state_of
from trainables.data.held_out import first_cut
from trainables.data.row_roles import group_names, row_ids, row_times, tied_times
from trainables.data.suspicions import missing_code_words, suspicions
from trainables.data.table_encoding import encode, refuse_infinite, targets_of
from trainables.data.table_reading import (
    Table,
    brief,
    cells_of,
    lost_texts,
    read_table,
    texts_of,
)
from trainables.data.table_report import column_reports
from trainables.data.table_texts import Blank, TextTable
from trainables.data.table_warnings import counted_as_missing, odd_names, once_for_many, read_as_numbers
from trainables.data.uncut import READER, Cutter, Uncut
from trainables.data.written_numbers import Notation, notations, read_notations
from trainables.parts.data_sources import delimiter_of


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
        choices: What the spec says of columns, and of texts that mean a missing value.
        groups: Column with the group of each row.
        time: Column with the time of each row.
        id: Column that identifies each row; by it a row is known again after its values changed.
        delimiter: Character between the fields (CSV).
        decimal: Decimal sign of numbers written as texts (CSV); None to infer it for each column.
        cutter: Decides which rows of one file are the test part; None for the first cut.
        reader: Version of the readers; the first took numbers that are written for people for texts.
        blank: Makes arrays that may be larger than memory.
    """

    file: Path
    target: str
    kind: str
    task: str | None = None
    test_file: Path | None = None
    test_share: float = 0.2
    choices: ColumnChoices = field(default_factory=ColumnChoices)
    groups: str | None = None
    time: str | None = None
    id: str | None = None
    delimiter: str = ","
    decimal: str | None = None
    cutter: Cutter | None = None
    reader: int = READER
    blank: Blank = np.zeros

    def state(self) -> list[str] | None:
        """Return the state of the files."""
        return state_of([self.file] + ([self.test_file] if self.test_file else []))

    def development(self) -> Content:
        """Return the rows outside the test part."""
        table = self._parts[0]
        inputs, _ = self._encoded(table)
        targets = targets_of(table, self.target, self._info)
        self._refuse_constant(targets)
        code = missing_code_words(self.target, table) if self._info.task == "regression" else ""
        odd = suspicions(table, self._info, scaled=self.reader > 4) if self.reader > 2 else {}
        kinds = self._kinds
        warnings = (
            *self._task[1],
            *self._whole.notes,
            *self.choices.conflicts(self._roles, self.task),
            *once_for_many({name: (kind.warning,) for name, kind in kinds.items() if kind.warning}),
            *(self._texts.missing(table) if self._texts else ()),
            *self._missing_warnings(),
            *read_as_numbers(self._notations),
            *once_for_many(odd),
            *tied_times(row_times(table, self.time), self.time),
            *odd_names(self._whole, self.target, self._info.classes),
            *([f"the target {self.target}: {code}"] if code else []),
        )
        report = DataReport(
            column_reports(table, kinds, odd, self._whole.left_out),
            target=target_distribution(targets, self._info.classes, self._info.task),
        )
        return replace(self._content(table, inputs, targets), warnings=warnings, report=report)

    def test(self) -> Content:
        """Return the test file's rows, or those cut off."""
        table = self._parts[1]
        inputs, unknown = self._encoded(table)
        warnings = tuple(
            f"column {name}: {n} values are not categories of the development part and count as unknown"
            for name, n in unknown.items()
        )
        content = self._content(table, inputs, targets_of(table, self.target, self._info))
        return replace(content, warnings=(*warnings, *table.notes))

    def _encoded(self, table: Table) -> tuple[NDArray[Any], Mapping[str, int]]:
        """Return a part's inputs, and the number of unknown categories by column, where it is not 0."""
        if self._texts:
            return self._texts.rows(table, self.blank), {}
        inputs, unknown = encode(table, self._info)
        refuse_infinite(table, self._info, inputs)
        return inputs, unknown

    @functools.cached_property
    def _whole(self) -> Table:
        return self._read(self.file)

    def _read(self, file: Path, sealed: bool = False) -> Table:
        choices = self.choices
        return read_table(
            file, self.kind, choices.missing, self.delimiter, sealed, choices.not_missing, self.reader > 7
        )

    @functools.cached_property
    def _roles(self) -> dict[str, str]:
        """The argument that names a column for another use than as an input, by column."""
        named = {"target": self.target, "groups": self.groups, "time": self.time, "id": self.id}
        return {name: role for role, name in reversed(named.items()) if name}

    @functools.cached_property
    def _parts(self) -> tuple[Table, Table]:
        """The development and the test part, numbers that were written for people as numbers.

        They are read after the cut and digests are those of the file, so that no row moves.
        """
        development, test = (part for part, _ in self._without_marks)
        return read_notations(development, self._notations), read_notations(test, self._notations)

    @functools.cached_property
    def _without_marks(self) -> tuple[tuple[Table, Mapping[str, int]], tuple[Table, Mapping[str, int]]]:
        """Both parts without marks such as "?" in columns that are said to be numeric, and their numbers."""
        names = [name for name in self.choices.numeric() if name not in self._roles]
        development, test = (part.digested(self.target) for part in self._cut)
        return development.without_marks(names), test.without_marks(names)

    @functools.cached_property
    def _notations(self) -> dict[str, Notation]:
        if self.reader <= 2:
            return {}
        table = self._without_marks[0][0]
        kept = {self.groups, self.time, self.id} | ({self.target} if self.task == "classification" else set())
        names = [
            name
            for name in table.columns
            if name not in kept and self.choices.kind(name) not in ("category", "ignore", "text")
        ]
        return notations(table, names, self.decimal, self.delimiter, self.reader > 7)

    def _missing_warnings(self) -> tuple[str, ...]:
        """Say which texts of columns count as missing although they could be meant."""
        marks = tuple(
            f"column {name}: {n} marks such as ? or - count as missing, as `columns` says it is numeric"
            for name, n in self._without_marks[0][1].items()
        )
        if self.kind != "csv":
            return marks
        texts = (name for name, kind in self._kinds.items() if kind.kind in ("category", "text"))
        names = [name for name in texts if self._parts[0].columns[name].null_count]
        lost = lost_texts(self.file, names, self._parts[0], self.delimiter)
        return marks + tuple(
            counted_as_missing(name, texts, self.choices.columns) for name, texts in lost.items()
        )

    @functools.cached_property
    def _cut(self) -> tuple[Table, Table]:
        """The development and the test part as the file has them."""
        whole = self._whole
        for name, role in (*self._roles.items(), *self.choices.named()):
            whole.column(name, role)
        if set(whole.columns) == {self.target}:
            raise UserError(f"data: {self.file} has no column besides the target {self.target}")
        if self.test_file is not None:
            sealed = self._read(self.test_file, sealed=True)
            shared = {name: sealed.column(name, "test_file") for name in whole.columns}
            extra = brief(", ".join(name for name in sealed.columns if name not in shared))
            notes = (f"columns that only {sealed.file} has are left out: {extra}",) if extra else ()
            return whole, replace(sealed, columns=shared, notes=notes)
        whole = whole.digested(self.target)
        rows = Uncut(
            whole.digests(self.target),
            self.test_share,
            self._strata(whole),
            group_names(whole, self.groups),
            row_times(whole, self.time),
            row_ids(whole, self.id),
            self._known_cells.values,
            file_digest(self.file),
            reader=self.reader,
        )
        mask = (self.cutter or first_cut)(rows)
        return whole.take(~mask), whole.take(mask, sealed=True)

    def _strata(self, whole: Table) -> NDArray[np.int64] | None:
        if self.task == "regression":
            return None
        distinct, codes = columns.encoded(whole.columns[self.target])
        names = sorted({distinct[code] or "" for code in np.unique(codes)})
        if self.task == "classification":
            self._check_class_count(len(names), len(codes))
        elif len(names) > FEW_CLASSES:
            return None
        label_of = {name: label for label, name in enumerate(names)}
        return np.array([label_of.get(text or "", -1) for text in distinct], np.int64)[codes]

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
        whole = values is not None and bool(np.all(values[np.isfinite(values)] % 1 == 0))
        written = self.target in self._notations
        if values is None or (whole and not written and len(np.unique(values)) <= FEW_CLASSES):
            task = "classification"
        else:
            task = "regression"
        return task, (
            f"the target {self.target} is treated as {task}; set `task` in the arguments to choose",
        )

    def _mistaken(self, column: pa.Array) -> bool:
        return columns.mistaken(column) or (self.reader > 2 and columns.has_placeholder(column))

    @functools.cached_property
    def _kinds(self) -> dict[str, ColumnKind]:
        table = self._parts[0]
        marks, texts = self.reader > 2, self.reader > 6
        return kinds_of(table, self._roles, self.choices, self._notations, marks, texts)

    @functools.cached_property
    def _inputs(self) -> Mapping[str, str]:
        """Kinds of the columns that are inputs."""
        kinds = {name: kind.kind for name, kind in self._kinds.items() if kind.input}
        if not kinds:
            raise UserError(f"data: {self._parts[0].file} has no input columns left")
        return kinds

    @functools.cached_property
    def _texts(self) -> TextTable | None:
        """How the table is read if some of its inputs are texts; None if all are numbers and categories."""
        if "text" not in self._inputs.values():
            return None
        info = self._info
        return TextTable(self._inputs, self.target, info.task, info.classes, info.categories)

    @functools.cached_property
    def _info(self) -> DataInfo:
        """Description of the columns that are numbers or categories."""
        table = self._parts[0]
        scales = self.reader > 4 and "text" not in self._inputs.values()
        kinds = {name: kind for name, kind in self._inputs.items() if kind != "text"}
        categories, scaling = {}, {}
        for name, kind in kinds.items():
            if kind == "category":
                categories[name] = tuple(sorted(columns.distinct_texts(table.columns[name])))
            elif scales and (needed := precision.scaling_of(table.known_numbers[name])):
                scaling[name] = needed
        task = self._task[0]
        classes = self._classes(table) if task == "classification" else ()
        inputs = tuple(kinds)
        return DataInfo("table", task, (len(inputs),), classes, inputs, categories, scaling=scaling)

    def _classes(self, table: Table) -> tuple[str, ...]:
        names = columns.distinct_texts(table.columns[self.target])
        self._check_class_count(len(names), len(table))
        numeric = table.numbers(self.target) is not None
        return tuple(sorted(names, key=lambda name: (float(name), name) if numeric else (0.0, name)))

    def _check_class_count(self, values: int, rows: int) -> None:
        if values > max(FEW_CLASSES, IDENTIFIER * rows):
            raise UserError(
                f"data: the target {self.target} has {values} different values in {rows} rows, too many for "
                "classes; choose another target, or set task: regression if they are numbers"
            )

    def _refuse_constant(self, targets: NDArray[Any]) -> None:
        if self.reader <= 4 or (targets != targets[0]).any():
            return
        classes = self._info.classes
        value = brief(repr(classes[int(targets[0])])) if classes else f"{targets[0]:.6g}"
        raise UserError(
            f"data: the target {self.target} is {value} in every row of the development part, so there is "
            "nothing to learn; choose another target, or check how the file was made"
        )

    def _content(self, table: Table, inputs: NDArray[Any], targets: NDArray[Any]) -> Content:
        return Content(
            inputs,
            targets,
            self._texts.info if self._texts else self._info,
            group_names(table, self.groups),
            row_times(table, self.time),
            table.digests(self.target),
            positions=table.rows if self.test_file is None else None,
            traits=tuple(self._trait(table, name) for name in table.columns if name != self.target),
            names=tuple(name for name in table.columns if name != self.target),
        )

    def _trait(self, table: Table, name: str) -> NDArray[Any]:
        """Return a column as numbers if both parts hold numbers there, otherwise as texts."""
        if name in self._notations and (values := table.numbers(name)) is not None:
            return values
        if self.test_file is None:
            return np.asarray(self._known_cells[name][table.rows])
        table = self._cut[0 if table is self._parts[0] else 1]
        numeric = all(part.numbers(name) is not None for part in self._cut)
        return cells_of(table, name) if numeric else texts_of(table.columns[name])

    @functools.cached_property
    def _known_cells(self) -> dict[str, NDArray[Any]]:
        """The cells of the whole file by column."""
        return {name: cells_of(self._whole, name) for name in self._whole.columns}


def open_csv(paths: SourcePaths, *, file: str, **arguments: Any) -> TableFile:
    """Return a CSV table as a source; nothing is read yet."""
    return _open(paths, "csv", file, arguments)


def open_parquet(paths: SourcePaths, *, file: str, **arguments: Any) -> TableFile:
    """Return a Parquet table as a source; nothing is read yet."""
    return _open(paths, "parquet", file, arguments)


def _open(paths: SourcePaths, kind: str, file: str, arguments: dict[str, Any]) -> TableFile:
    lists = ("categorical", "ignore", "missing", "not_missing")
    listed = {name: tuple(arguments.pop(name, None) or ()) for name in lists}
    choices = ColumnChoices(arguments.pop("columns", None) or {}, **listed)
    sealed = arguments.pop("test_file", None)
    arguments["test_file"] = paths.path(sealed) if sealed else None
    arguments["delimiter"] = delimiter_of(arguments.get("delimiter") or ",")
    arguments["task"] = choices.task(arguments["target"], arguments.get("task"))
    return TableFile(
        paths.path(file),
        kind=kind,
        choices=choices,
        cutter=paths.cutter,
        reader=paths.reader,
        blank=paths.blank,
        **arguments,
    )
