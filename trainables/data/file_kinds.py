"""What a file is by its first bytes, where it is not what its reader was asked to read."""

from __future__ import annotations

import codecs
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
}
"""What a file is that begins so, and what to do."""

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
