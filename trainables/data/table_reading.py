"""A table as stored in a file: named columns of one length, and where each row came from."""

from __future__ import annotations

import csv
import stat
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hpo.core.errors import UserError
from trainables.data import columns
from trainables.data.csv_reading import (
    csv_table,
    encoding_words,
    escaped_quotes,
    one_line,
    read_csv,
    rows_within_fields,
)
from trainables.data.digests import text_digests
from trainables.data.file_kinds import kind_of_file, text_instead_of_binary
from trainables.data.parquet_types import plain_column
from trainables.parts.data_sources import delimiter_of

LONGEST_VALUE = 80
"""Characters of a value that a message shows."""

LONGEST_LIST = 800
"""Characters of all names of columns that a message shows."""

NAMELESS = "its first line seems to hold values; add a line of names above it"

DOUBLE = "such fields keep wrong signs; write two quotation marks for one within a field"

BYTES = 8
"""Of a number in memory."""

MISSING = ("", "NA", "N/A", "#N/A", "NaN", "nan", "-nan", "NULL", "null", "n/a")


@dataclass(frozen=True)
class Table:
    """Some rows of a file.

    Attributes:
        columns: Arrow arrays by name, missing values null.
        file: Path of the file, for messages.
        rows: Position of each row in the file, from 0, [n].
        sealed: Whether the rows are the test part's, so that messages must not show values.
        digested_without: Column left out of ``known_digests``.
        known_digests: Digests that were computed already, [n, 2]; None if there are none.
        known_numbers: Columns that were read as numbers already, [n] each.
        notes: What was done to columns as they were read, for the user.
        left_out: What the columns hold that a table cannot hold, by name.
    """

    columns: Mapping[str, pa.Array]
    file: str
    rows: NDArray[np.int64]
    sealed: bool = False
    digested_without: str = ""
    known_digests: NDArray[np.uint64] | None = None
    known_numbers: dict[str, NDArray[np.float64]] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, mask: NDArray[np.bool_], sealed: bool = False) -> Table:
        """Return the rows for which the mask is true."""
        arrow_mask = columns.mask_without_pandas(mask)
        kept = {name: column.filter(arrow_mask) for name, column in self.columns.items()}
        digests = None if self.known_digests is None else self.known_digests[mask]
        numbers = {name: values[mask] for name, values in self.known_numbers.items()}
        return Table(kept, self.file, self.rows[mask], sealed, self.digested_without, digests, numbers)

    def numbers(self, name: str) -> NDArray[np.float64] | None:
        """Return a column as numbers; None if it holds texts."""
        if name not in self.known_numbers:
            values = columns.numbers(self.columns[name])
            if values is None:
                return None
            self.known_numbers[name] = values
        return self.known_numbers[name]

    def without_marks(self, names: Sequence[str]) -> tuple[Table, dict[str, int]]:
        """Return the same table without marks of missing values, such as "?", in some of its columns.

        Also returns how many of them there were in each column that had any.
        """
        cleaned = {name: columns.without_placeholders(self.columns[name]) for name in names}
        counts = {name: n for name, (_, n) in cleaned.items() if n}
        changed = {name: cleaned[name][0] for name in counts}
        return (replace(self, columns={**self.columns, **changed}) if changed else self), counts

    def digested(self, without: str) -> Table:
        """Return the same table with its digests, which its parts then share."""
        return replace(self, digested_without=without, known_digests=self.digests(without))

    def column(self, name: str, role: str) -> pa.Array:
        """Return a column by name; the role is the argument that named it.

        Raises:
            UserError: If it does not exist, listing those that do.
        """
        if name not in self.columns:
            every = [n if n == n.strip() else f"{n!r} with spaces" for n in self.columns]
            names = brief(", ".join(every), LONGEST_LIST)
            if note := next((n for n in self.notes if n.startswith(f"column {name} ")), ""):
                raise UserError(f"data.arguments.{role}: {self.file}: {note}")
            hint = f"; {NAMELESS}" if any(map(columns.is_fraction, self.columns)) else ""
            raise UserError(
                f"data.arguments.{role}: {self.file} has no column {name!r}; it has {names}{hint}"
            )
        return self.columns[name]

    def cell(self, name: str, row: int) -> str:
        """Describe a cell: its row, counted from 1 below the header, and its value unless sealed."""
        content = None if self.sealed else self.columns[name][row].as_py()
        value = "" if content is None else f" ({brief(repr(content))})"
        return f"row {self.rows[row] + 1} of {self.file}{value}"

    def digests(self, without: str) -> NDArray[np.uint64]:
        """Return digests by which rows are recognised, [n, 2]: of all columns but one, in any order."""
        if self.known_digests is not None and self.digested_without == without:
            return self.known_digests
        names = sorted(name for name in self.columns if name != without)
        texts = [[f"{name}={value}" for value in columns.canonical(self.columns[name])] for name in names]
        return text_digests(map("\x1f".join, zip(*texts, strict=True)))


def read_table(
    path: Path,
    kind: str,
    missing: Sequence[str] = (),
    delimiter: str = ",",
    sealed: bool = False,
    not_missing: Sequence[str] = (),
    decodes: bool = True,
) -> Table:
    """Read a table as stored: CSV fields as texts, Parquet columns in their own types.

    Args:
        path: The file.
        kind: ``csv`` or ``parquet``.
        missing: Texts that mean a missing value, besides the usual ones (CSV).
        delimiter: Character between the fields (CSV).
        sealed: Whether the rows are the test part's.
        not_missing: Texts that are values although they usually mean a missing one (CSV).
        decodes: Whether bytes become the text that they encode (Parquet).

    Raises:
        UserError: If the file does not exist, is not a table, has no rows, or has two columns of one name.
    """
    _require_file(path)
    try:
        delimiter = delimiter_of(delimiter)
        absent = [text for text in (*MISSING, *missing) if text not in not_missing]
        read = read_csv(path, absent, delimiter) if kind == "csv" else _read_parquet(path)
        names = read.column_names
    except UnicodeDecodeError as error:
        raise UserError(f"data: {path} {encoding_words(path, error)}") from error
    except (pa.ArrowException, csv.Error, OSError) as error:
        other = kind_of_file(path) or (text_instead_of_binary(path) if kind == "parquet" else "")
        words = f"is {other}" if other else f"cannot be read as {kind}: {one_line(error)}"
        raise UserError(f"data: {path} {words}") from error
    repeated = [name for name, times in Counter(names).items() if times > 1]
    if repeated:
        raise UserError(f"data: {path} has two columns named {brief(repr(repeated[0]))}")
    if read.num_rows == 0:
        raise UserError(f"data: {path} has no rows")
    plain = {name: plain_column(name, read.column(name).combine_chunks(), decodes) for name in names}
    whole = {name: column for name, (column, _) in plain.items() if column is not None}
    notes = tuple(note for _, note in plain.values() if note)
    if kind == "csv" and (line := escaped_quotes(path, delimiter)):
        notes += (
            f"{path}: line {line:,} and perhaps others escape a quotation mark by a backslash: {DOUBLE}",
        )
    if kind == "csv" and (swallowed := rows_within_fields(path, read, delimiter)):
        notes += (f"{path}: {swallowed}",)
    left_out = {name: note for name, (column, note) in plain.items() if column is None}
    return Table(whole, str(path), np.arange(read.num_rows), sealed, notes=notes, left_out=left_out)


def brief(text: str, most: int = LONGEST_VALUE) -> str:
    """Return a text, or its beginning if it is long."""
    return text if len(text) <= most else f"{text[:most]}..."


def _require_file(path: Path) -> None:
    """Refuse what is not a file; a pipe or a device would be read for ever.

    Raises:
        UserError: If it does not exist, or is something else.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise UserError(f"data.arguments: the file {path} does not exist") from error
    except OSError as error:
        raise UserError(f"data.arguments: {path} cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise UserError(f"data.arguments: {path} is {kind}; legal: a file")


def lost_texts(path: Path, names: Sequence[str], table: Table, delimiter: str) -> dict[str, dict[str, int]]:
    """Return which texts, and how many of each, were read as missing values in columns of a CSV file.

    Args:
        path: The file.
        names: The columns.
        table: Those of its rows that count.
        delimiter: Character between the fields.
    """
    if not names:
        return {}
    again = csv_table(path, list(table.columns), [""], delimiter, include_columns=list(names))
    found = {}
    for name in names:
        gaps = again.column(name).take(pa.array(table.rows)).filter(table.columns[name].is_null())
        counts = pc.value_counts(gaps.drop_null()).to_pylist()
        if counts:
            found[name] = {pair["values"]: pair["counts"] for pair in counts}
    return found


def _read_parquet(path: Path) -> Any:
    from pyarrow import parquet

    about = parquet.read_metadata(path)
    needed, free = about.num_rows * about.num_columns * BYTES, psutil.virtual_memory().available
    if needed > free:
        raise UserError(
            f"data: {path} promises {about.num_rows:,} rows of {about.num_columns:,} columns, at least "
            f"{needed / 1e9:,.0f} GB in memory; {free / 1e9:,.0f} GB are available"
        )
    return parquet.read_table(path)


def cells_of(table: Table, name: str) -> NDArray[Any]:
    """Return a column as numbers if it holds numbers, otherwise as texts."""
    values = table.numbers(name)
    return texts_of(table.columns[name]) if values is None else values


def texts_of(column: pa.Array) -> NDArray[Any]:
    """Return a column as texts, missing ones empty."""
    # As objects: an array of fixed width would be as wide as its longest text everywhere.
    distinct, codes = columns.encoded(column)
    return np.array([text or "" for text in distinct], object)[codes]
