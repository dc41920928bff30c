"""Texts that may mean something else are named: codes with zeros, numbers as names, names written twice."""

from pathlib import Path

import pyarrow as pa
import pytest

from trainables.data.content import SourcePaths
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
