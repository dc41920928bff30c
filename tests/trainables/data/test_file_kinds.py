"""A file that is not what it is named is called by what it is, and a header that is none by what it has."""

import gzip
from pathlib import Path

import pytest

from hpo.core.errors import UserError
from trainables.data.content import SourcePaths
from trainables.data.table_source import TableFile, open_csv, open_parquet

ROWS = "".join(f"{k},{k % 5}.5,{'ab'[k % 2]}\n" for k in range(60))
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


def source(base: Path, content: bytes, kind: str = "csv", **arguments: object) -> TableFile:
    (base / "t").write_bytes(content)
    given = {"file": "t", "target": "y", **arguments}
    return (open_csv if kind == "csv" else open_parquet)(SourcePaths(base, base), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (POINTER, "is a pointer of Git LFS"),
        (gzip.compress(b"x,y\n1,2\n", mtime=0), "is compressed with gzip"),
        (b"PK\x03\x04\x14\0\0\0", "is a zip archive or an Excel workbook"),
        (b"\r\n<!DOCTYPE html>\n<html>", "is a web page"),
        (b"PAR1\x15\x04\x15", "is a Parquet file"),
    ],
)
def test_other_kinds_of_files_are_named(tmp_path: Path, kind: str, content: bytes, words: str) -> None:
    with pytest.raises(UserError, match=words):
        source(tmp_path, content, kind).development()


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("sep=;\nx,k,y\n", "its first line, 'sep=;', is for Excel alone"),
        ("# made in 2020\nx,k,y\n", "has 1 field, its next one 3; remove lines above the names"),
        ("x,k,y,\n", "has 4 fields, its next one 3"),
        ("1.5,0.5,a\n", "has no column 'y'; it has 1.5, 0.5, a; its first line seems to hold values"),
    ],
)
def test_first_lines_that_are_no_names_are_refused(tmp_path: Path, start: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        source(tmp_path, (start + ROWS).encode()).development()


def test_names_that_seem_to_be_values_are_named(tmp_path: Path) -> None:
    found = source(tmp_path, ("1.5,0.5,y\n" + ROWS).encode()).development()
    assert "columns are named 1.5, 0.5" in found.warnings[-1]
    assert "its first line seems to hold values" in found.warnings[-1]


def test_a_row_of_another_length_is_named_by_its_number(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Row #62: Expected 3 columns, got 2"):
        source(tmp_path, ("x,k,y\n" + ROWS + "1,2\n").encode()).development()


def test_columns_that_only_the_test_file_has_are_named(tmp_path: Path) -> None:
    (tmp_path / "v").write_text("more,y,k,x\n" + "".join(f"9,{'ab'[k % 2]},1.5,{k}\n" for k in range(40)))
    found = source(tmp_path, ("x,k,y\n" + ROWS).encode(), test_file="v").test()
    assert found.warnings[-1] == f"columns that only {tmp_path / 'v'} has are left out: more"
