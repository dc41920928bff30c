"""A file that is not what it is named is called by what it is, and a header that is none by what it has."""

import gzip
from pathlib import Path

import pytest

from hpo.core.errors import UserError
from hpo.core.formatting import count
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
    ("text", "words"),
    [
        ('{"x": 1, "y": "a"}\n{"x": 2, "y": "b"}\n', "is a file of JSON lines; save it as CSV or Parquet"),
        ('[{"x": 1},\n {"x": 2}]\n', "is a JSON file"),
        ("[\n  [1, 2],\n  [3, 4]\n]", "is a JSON file"),
        ("1 1:0.5 3:-2e3\n0 2:1\n", "is a libsvm file; read it in a data function"),
        ("@RELATION iris\n", "is an ARFF file"),
        ("<?xml version='1.0'?>\n<a/>", "is an XML file"),
    ],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_texts_that_are_no_tables_are_named(tmp_path: Path, kind: str, text: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        source(tmp_path, text.encode(), kind).development()


@pytest.mark.parametrize("header", ["{a},k,y", "[x],[k],y", '["x"],["k"],y', "12:30,k,y", "{,[,y"])
def test_names_with_brackets_and_colons_are_names(tmp_path: Path, header: str) -> None:
    assert len(source(tmp_path, f"{header}\n{ROWS}".encode()).development()) == 48


def test_a_csv_file_that_is_read_as_parquet_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a text; for a CSV file set source: csv"):
        source(tmp_path, f"x,k,y\n{ROWS}".encode(), "parquet").development()


@pytest.mark.parametrize("rows", [60, 60_000])  # of one block, and of several
@pytest.mark.parametrize(
    ("first", "last", "breaks"), [('0,"open,a', '1,close",b', 1), ('0,"open,a', '1,close",b', 4)]
)
def test_rows_within_a_field_are_named(tmp_path: Path, rows: int, first: str, last: str, breaks: int) -> None:
    lines = [f"{k % 7},w{k % 5},{'ab'[k % 2]}" for k in range(rows)]
    lines[10], lines[10 + breaks] = first, last
    found = source(tmp_path, "\n".join(["x,k,y", *lines, ""]).encode()).development()
    assert any(
        "a field of row 11 in the column k holds " + count(breaks, "line break") in w for w in found.warnings
    )


def test_a_text_longer_than_a_block_is_read(tmp_path: Path) -> None:
    lines = [f"{k % 7},w{k % 5},{'ab'[k % 2]}" for k in range(60_000)]
    lines[30] = '0,"' + "a line\n" * 400_000 + '",a'
    found = source(tmp_path, "\n".join(["x,k,y", *lines, ""]).encode())
    assert len(found.development()) + len(found.test()) == 60_000


@pytest.mark.parametrize("rows", [60, 60_000])
def test_line_breaks_within_texts_are_read(tmp_path: Path, rows: int) -> None:
    texts = ('"a\nb"', '"c, ""d""\n"', "plain", '"e, f\r\ng, h"', '"\n\n"')
    lines = [f"{k % 7},{texts[k % 5]},{'ab'[k % 2]}" for k in range(rows)]
    found = source(tmp_path, "\n".join(["x,k,y", *lines, ""]).encode(), columns={"k": "category"})
    content, test = found.development(), found.test()
    assert len(content) + len(test) == rows
    assert len(content.info.categories["k"]) == 5
    assert not any("looks like rows" in warning for warning in content.warnings)


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
