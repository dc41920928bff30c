"""What a file is by its first bytes, where it is not what its reader was asked to read."""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path

KINDS = {
    b"version https://git-lfs": "a pointer of Git LFS, not the file itself; fetch it with `git lfs pull`",
    b"\x1f\x8b": "compressed with gzip; unpack it",
    b"BZh91AY&SY": "compressed with bzip2; unpack it",
    b"\xfd7zXZ": "compressed with xz; unpack it",
    b"\x28\xb5\x2f\xfd": "compressed with zstd; unpack it",
    b"PK\x03\x04": "a zip archive or an Excel workbook; unpack it, or export it as CSV",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook; export it as CSV",
    b"PAR1\x15": "a Parquet file: set source: parquet, or, if it is set, make the file again",
    b"ARROW1\0": "a Feather file; save it as Parquet",
    b"\x89HDF": "an HDF5 file; save it as Parquet",
    b"SQLite format 3\0": "an SQLite database; export the table as CSV",
    b"%PDF": "a PDF document",
    b"\x93NUMPY": "an array of numpy; read it in a data function of your own, or save it as CSV",
    b"\x80\x04\x95": "a Python pickle; save it as Parquet",
}
"""What a file is that begins so, and what to do."""

JSON = re.compile(rb'\s*[\[{]{1,2}\s*"(?:[^"\\]|\\.)*"\s*:')
"""How JSON with objects begins."""

NUMBER = rb"[-+]?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?"
SPARSE = re.compile(rb"%b(?:,%b)*(?: qid:\d+)?(?: \d+:%b)+ *(?:#.*)?" % (NUMBER, NUMBER, NUMBER))
"""A line of a libsvm file: a target, and values after the numbers of their columns."""

TEXTS = {
    b"@relation": "an ARFF file; save it as CSV",
    b"<?xml": "an XML file; save it as CSV",
    b"\\begin{": "a LaTeX document; save it as CSV",
}
"""What a text is that begins so, apart from case and blanks."""

FIRST_LINE = 1 << 16
"""Bytes of a text's first line that are looked at."""

PAGES = (b"<!doctype html", b"<html")
"""How a web page begins that was saved instead of a file, apart from case."""

START = 64
"""Bytes that are looked at."""


def kind_of_file(path: Path) -> str:
    """Return what a file evidently is; nothing if that cannot be told, or it cannot be read."""
    try:
        with path.open("rb") as file:
            start = file.read(START)
    except OSError:
        return ""
    if not start:
        return "empty"
    if start.removeprefix(codecs.BOM_UTF8).lstrip().lower().startswith(PAGES):
        return "a web page; download the file itself"
    return next((words for magic, words in KINDS.items() if start.startswith(magic)), "")


def kind_of_text(path: Path) -> str:
    """Return what a text evidently is that is not a table; nothing if that cannot be told."""
    with path.open("rb") as file:
        start = file.read(FIRST_LINE).removeprefix(codecs.BOM_UTF8).lstrip()
    line = start.partition(b"\n")[0].strip()
    if kind := _json(line):
        return kind
    if SPARSE.fullmatch(line):
        return (
            "a libsvm file; read it in a data function of your own with "
            "sklearn.datasets.load_svmlight_file(file), and return its arrays dense"
        )
    return next((words for begin, words in TEXTS.items() if line.lower().startswith(begin)), "")


def text_instead_of_binary(path: Path) -> str:
    """Return what a file is that should be binary and is a text; nothing if it is not."""
    try:
        with path.open(encoding="utf-8") as file:
            start = file.read(FIRST_LINE)
    except (OSError, UnicodeDecodeError):
        return ""
    return "" if "\0" in start else kind_of_text(path) or "a text; for a CSV file set source: csv"


def _json(line: bytes) -> str:
    """Return what a file with this first line is if it is JSON; otherwise nothing."""
    if line[:1] not in (b"[", b"{"):
        return ""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        if line not in (b"[", b"{") and not JSON.match(line):
            return ""
    kind, lines = (
        ("file of JSON lines", ", lines=True") if line[:1] + line[-1:] == b"{}" else ("JSON file", "")
    )
    return (
        f"a {kind}; save it as CSV or Parquet, for example with pandas.read_json(file{lines}).to_parquet(...)"
    )
