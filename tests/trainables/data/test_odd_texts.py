"""Texts that may mean something else are named: codes with zeros, numbers as names, names written twice."""

from pathlib import Path

import pyarrow as pa
import pytest

from trainables.data.content import SourcePaths
from trainables.data.csv_reading import escaped_quotes
from trainables.data.odd_texts import alike, like_a_number, loses_zeros
from trainables.data.table_source import TableFile, open_csv

N = 60


@pytest.mark.parametrize(
    ("texts", "code"),
    [
        (["94110", "02134", None], "02134"),
        (["1", "00"], "00"),
        ([" 07 "], ""),
        (["0", "10", "-1"], ""),
        (["0.5", "0.25", "1"], ""),
        (["0e1", "1"], ""),
        ([None, None], ""),
    ],
)
def test_zeros_at_the_beginning_of_numbers_are_found(texts: list[str | None], code: str) -> None:
    assert loses_zeros(pa.array(texts, pa.string())) == code


def test_columns_of_other_types_lose_no_zeros() -> None:
    assert loses_zeros(pa.array([1, 2])) == ""


@pytest.mark.parametrize(
    "texts",
    [
        ["<0.01", "0.5", ">100"],
        ["31.12.2020", "1.1.2021", "2.1.2021"],
        ["12/31/2020", "1/1/2021", "1/2/2021"],
        ["08:30", "9:15", "23:59"],
        ["1.5D+03", "2.0D+03", "1.0D-03"],
        ["5-", "7", "12-"],
        ["3 kg", "2.5 kg", "10 kg"],
        ["5k", "3M", "12k"],
        ["0x1f", "0x2a", "0xff"],
        ["1/2", "3/4", "1/8"],
        ["USD 5", "EUR 7", "USD 12"],
        ["2024-01-01T10:00:00Z", "2024-01-02T10:00:00", "2024-01-03 10:00+02:00"],
        ["1 Jan 2024", "12 March 2024", "31 Dec. 2023"],
        ["May 3, 2021", "June 12, 2021", "Sept. 1, 2022"],
    ],
)
def test_numbers_and_dates_among_names_are_recognised(texts: list[str]) -> None:
    assert like_a_number(texts) == texts[0]


@pytest.mark.parametrize(
    "texts",
    [
        ["red", "blue", "green"],
        ["A12", "B7", "C100"],
        ["<=50K"],
        ["3 doors", "4 doors", "5 doors"],
        ["may", "june", "july"],
        ["d41d8cd9", "0cc175b9", "92eb5ffe"],
        [],
    ],
)
def test_other_names_are_not_taken_for_numbers(texts: list[str]) -> None:
    assert like_a_number(texts) == ""


def test_names_that_are_written_twice_are_counted_with_an_example() -> None:
    assert alike(["red", "blue"], "categories") == ""
    assert alike(["Yes", "no", "yes", "NO"], "classes").startswith(
        "4 classes differ only in case, spaces or notation, such as 'Yes' and 'yes'"
    )
    for one, other in [("1", "1.0"), ("new  york", "New York"), ("caf\u00e9", "cafe\u0301"), ("1e3", "1000")]:
        assert alike([one, other], "categories").startswith("2 categories")


def test_names_that_look_the_same_are_shown_with_what_differs() -> None:
    assert r"'a' and 'a\u200b'" in alike(["a", "a\u200b"], "classes")
    assert r"'a' and '\u0430'" in alike(["a", "\u0430"], "classes")
    assert alike(["\u043c\u0438\u0440", "mup"], "classes") == ""


def table(base: Path, x: list[str], target: list[str], **arguments: object) -> TableFile:
    rows = [f"{x[k % len(x)]},{k % 7}.{k},{target[k % len(target)]}" for k in range(N)]
    (base / "t.csv").write_text("\n".join(["x,k,y", *rows, ""]))
    return open_csv(SourcePaths(base, base), file="t.csv", target="y", **arguments)


@pytest.mark.parametrize(
    ("texts", "target", "sentence"),
    [
        (
            ["01", "02"],
            ["a", "b", "b"],
            "column x: values such as '01' are read as numbers, without the zeros",
        ),
        (["<1", "2", ">3"], ["a", "b", "b", "a"], "column x: values such as '<1' look like numbers or dates"),
        (
            ["1", "2", "3", "#REF!"],
            ["a", "b", "b"],
            "column x: 38 of 48 values are numbers and others are texts such as '#REF!', but are read as 4",
        ),
        (["Red", "red"], ["a", "b", "b"], "column x: 2 categories differ only in case"),
        (["p", "q"], ["Yes", "yes", "no"], "the target y: 2 classes differ only in case"),
    ],
)
def test_a_table_says_so(tmp_path: Path, texts: list[str], target: list[str], sentence: str) -> None:
    content = table(tmp_path, texts, target).development()
    assert [w for w in content.warnings if w.startswith(sentence)]
    marked = {column.name for column in content.report.columns if column.notes} if content.report else set()
    assert ("x" in marked) == sentence.startswith("column x")


def test_what_the_spec_says_is_not_questioned(tmp_path: Path) -> None:
    content = table(tmp_path, ["<1", "2", ">3"], ["a", "b", "b", "a"], categorical=["x"]).development()
    assert not [w for w in content.warnings if w.startswith("column x")]


def test_a_date_in_every_row_is_no_number_of_the_row(tmp_path: Path) -> None:
    days = [f"2020-{1 + k // 28:02d}-{1 + k % 28:02d}" for k in range(N)]
    content = table(tmp_path, days, ["a", "b", "b"]).development()
    assert not [w for w in content.warnings if w.startswith("column x")]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([f"{k % 24}:{k}" for k in range(N)], "values such as '0:0' look like numbers or dates"),
        (
            ["#REF!" if k % 8 == 0 else str(k) for k in range(N)],
            "values are numbers and others are texts such as '#REF!'",
        ),
    ],
)
def test_a_column_that_is_left_out_is_named_with_what_it_may_be(
    tmp_path: Path, texts: list[str], words: str
) -> None:
    warnings = table(tmp_path, texts, ["a", "b", "b"]).development().warnings
    assert [w for w in warnings if w.startswith("column x has") and "is left out" in w and words in w]


def test_a_sentence_on_many_columns_stands_once(tmp_path: Path) -> None:
    names = [f"c{k}" for k in range(8)]
    rows = [f"{','.join('7' for _ in names)},{k % 7}.{k},{'ab'[k % 3 == 0]}" for k in range(N)]
    (tmp_path / "t.csv").write_text("\n".join([",".join([*names, "k", "y"]), *rows, ""]))
    content = open_csv(SourcePaths(tmp_path, tmp_path), file="t.csv", target="y").development()
    assert [w for w in content.warnings if "has the value 7 in every row" in w] == [
        "column c0 has the value 7 in every row; the same kind of note is on 7 other columns: "
        "c1, c2, c3, c4, c5, c6, c7"
    ]
    assert content.report is not None
    assert all(column.notes for column in content.report.columns if column.name in names)


@pytest.mark.parametrize(
    ("field", "line"),
    [(r'"say \"hi\""', 3), (r'"C:\dir\"', 0), (r'"{""a"": ""x\""}"', 0), ('"say ""hi"""', 0)],
)
def test_quotation_marks_that_a_backslash_escapes_are_named(tmp_path: Path, field: str, line: int) -> None:
    (tmp_path / "t.csv").write_text(f"x,y\n1,2\n{field},3\n")
    assert escaped_quotes(tmp_path / "t.csv", ",") == line
