"""CSV files as Arrow reads them, every field as a text, and what is wrong with those that it cannot read."""

from __future__ import annotations

import codecs
import contextlib
import csv
import io
import json
import mmap
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from hpo.core.errors import UserError
from hpo.core.formatting import count
from trainables.data.file_kinds import kind_of_file, kind_of_text

LONGEST_HEADER = 1 << 20
"""Characters of the names of a CSV file's columns, as far as Arrow looks for them."""

LONGEST = 300
"""Characters of a reader's error, which may quote the file."""

UNCLOSED = "one of its fields is longer than what is read at once; perhaps a quotation mark is not closed"

MARKS = {codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16"}
"""Byte order marks at the start of files in other encodings."""

ZEROS = "contains zero bytes: it is encoded as UTF-16 or is not text; save it as UTF-8"

FOR_EXCEL = re.compile(r"sep=(.)(?=\r?\n)", re.IGNORECASE)
"""A first line that tells Excel the sign between the fields."""

OTHER_DELIMITERS = (";", "\t", "|", ",")


BLOCK = 1 << 20
"""Bytes that Arrow reads at once."""

LARGEST_FIELD = 1 << 26
"""Bytes that it reads at once where a field is longer than that."""

ACROSS_BLOCKS = "straddl"
"""In the error of a field that is longer than what is read at once."""


def read_csv(path: Path, missing: Sequence[str], delimiter: str) -> Any:
    """Read a file with a header as an Arrow table of texts.

    Args:
        path: The file.
        missing: Texts that mean a missing value.
        delimiter: Character between the fields.

    Raises:
        UserError: If it is empty, is not a text, or has another delimiter.
        UnicodeDecodeError: If it is not encoded as UTF-8.
        pyarrow.ArrowInvalid: If it cannot be parsed.
    """
    if kind := kind_of_file(path) or kind_of_text(path):
        raise UserError(f"data: {path} is {kind}")
    with path.open(newline="", encoding="utf-8-sig") as file:
        start = file.read(LONGEST_HEADER)
    if not start.strip():
        raise UserError(f"data: {path} is empty")
    if "\0" in start:
        raise UserError(f"data: {path} {ZEROS}")
    if len(start) == LONGEST_HEADER and not {"\n", "\r"} & set(start):
        raise UserError(f"data: {path}: its first line has more than {LONGEST_HEADER:,} characters")
    if sign := FOR_EXCEL.match(start):
        raise UserError(
            f"data: {path}: its first line, {sign[0]!r}, is for Excel alone; remove it, and name the sign "
            f"between the fields: arguments: {{delimiter: {json.dumps(sign[1])}}}"
        )
    lines = csv.reader(io.StringIO(start, newline=""), delimiter=delimiter)
    names = next(lines, [])
    others = [sign for sign in OTHER_DELIMITERS if len(names) == 1 and sign in names[0] and sign != delimiter]
    if others:
        raise UserError(
            f"data: {path} has one column if its fields are separated by {delimiter!r}, and its header has "
            f"{names[0].count(others[0])} {others[0]!r}; name the separator: "
            f"arguments: {{delimiter: {json.dumps(others[0])}}}"
        )
    try:
        return csv_table(path, names, missing, delimiter)
    except pa.ArrowInvalid as error:
        fields = len(next((line for line in lines if line), names))
        if fields == len(names):  # one thread counts the rows
            return csv_table(path, names, missing, delimiter, threads=False)
        raise UserError(
            f"data: {path}: its first line is taken for the names of the columns and has "
            f"{count(len(names), 'field')}, its next one {fields}; remove lines above the names, and signs "
            "at the end of lines"
        ) from error


def csv_table(
    path: Path,
    names: Sequence[str],
    missing: Sequence[str],
    delimiter: str,
    threads: bool = True,
    **options: Any,
) -> Any:
    """Parse a file whose columns are known; further options are those of Arrow's conversion."""
    from pyarrow import csv as arrow

    convert = arrow.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        null_values=list(missing),
        strings_can_be_null=True,
        **options,
    )
    parse = arrow.ParseOptions(delimiter=delimiter, newlines_in_values=_may_break_lines(path))
    try:
        return arrow.read_csv(path, arrow.ReadOptions(use_threads=threads), parse, convert)
    except pa.ArrowInvalid as error:
        if ACROSS_BLOCKS not in str(error):
            raise
        with contextlib.suppress(pa.ArrowInvalid):
            return arrow.read_csv(path, arrow.ReadOptions(block_size=LARGEST_FIELD), parse, convert)
        raise


def _may_break_lines(path: Path) -> bool:
    """Return whether fields of a file of several blocks may hold line breaks, which takes longer to parse."""
    if path.stat().st_size <= BLOCK:
        return True
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(b'"') >= 0


def escaped_quotes(path: Path, delimiter: str) -> int:
    """Return the first line with a quotation mark that is escaped by a backslash, from 1; 0 if none is.

    A quotation mark that ends a field, or is doubled, follows a backslash in good files, too.
    """
    escaped = re.compile(rb'\\"[^"\r\n' + re.escape(delimiter.encode()) + rb"]")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(b'\\"') < 0:  # much faster than the expression
            return 0
        match = escaped.search(content)
        return 0 if match is None else content[: match.start()].count(b"\n") + 1


def rows_within_fields(path: Path, table: Any, delimiter: str) -> str:
    """Say which field holds line breaks between what looks like rows; nothing if none does.

    A quotation mark that is not closed, or not doubled, makes one field of all rows up to the next one. Such
    a field has as many delimiters for each line break as a row has; commas of prose are followed by a space.
    """
    width = len(table.column_names) - 1
    if not width or _line_breaks(path) <= table.num_rows:
        return ""
    for name in table.column_names:
        column = table.column(name).combine_chunks()
        broken = pc.indices_nonzero(pc.fill_null(pc.match_substring(column, "\n"), False))
        for row, text in zip(broken.to_pylist(), column.take(broken).to_pylist(), strict=True):
            breaks = text.rstrip("\r\n").count("\n")
            if breaks and text.count(delimiter) - text.count(f"{delimiter} ") == width * breaks:
                return (
                    f"a field of row {row + 1:,} in the column {name} holds {count(breaks, 'line break')} "
                    "between what looks like rows; perhaps a quotation mark is not closed or doubled there"
                )
    return ""


def _line_breaks(path: Path) -> int:
    """Return how many line breaks a file has before its end; 0 if no field can hold one."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if content.find(b'"') < 0:
            return 0
        breaks = sum(content[start : start + BLOCK].count(b"\n") for start in range(0, len(content), BLOCK))
        return breaks - content[-1:].count(b"\n")


def one_line(error: Exception) -> str:
    """Return a reader's error as one line, with what is likely meant where its words do not say."""
    words = " ".join(str(error).split())[:LONGEST]
    return f"{UNCLOSED} ({words})" if ACROSS_BLOCKS in words else words


def encoding_words(path: Path, error: UnicodeDecodeError) -> str:
    """Say which encoding a file seems to have that is not UTF-8."""
    with path.open("rb") as file:
        start = file.read(4)
    for mark, name in MARKS.items():
        if start.startswith(mark):
            return f"is encoded as {name}; save it as UTF-8"
    if b"\0" in error.object:
        return ZEROS
    byte = f"byte 0x{error.object[error.start]:02x} at position {error.start:,}"
    return f"is not encoded as UTF-8 ({byte}), perhaps as Windows-1252 or Latin-1; save it as UTF-8"
