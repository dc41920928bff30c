"""Every column is reported with what it was taken for and why, and the spec can say otherwise."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpo.core.errors import UserError
from trainables.data.content import Content, SourcePaths
from trainables.data.table_encoding import encode
from trainables.data.table_reading import read_table
from trainables.data.table_source import open_csv
from trainables.parts import data_sources

N = 120


def content(base: Path, reader: int | None = None, **columns_or_arguments: Any) -> Content:
    """The development part of a table of these columns, besides noise and a target of two classes."""
    lists = {
        name: value
        for name, value in columns_or_arguments.items()
        if isinstance(value, list) and len(value) == N
    }
    arguments = {name: value for name, value in columns_or_arguments.items() if name not in lists}
    random = np.random.default_rng(0)
    lists = {"noise": [f"{value:.4f}" for value in random.normal(size=N)], **lists}
    lists.setdefault("y", ["no", "yes"] * (N // 2))
    rows = [",".join(map(str, row)) for row in zip(*lists.values(), strict=True)]
    (base / "t.csv").write_text("\n".join([",".join(lists), *rows, ""]))
    given = {"file": "t.csv", "target": "y", **arguments}
    assert data_sources.faults("csv", given) == []
    paths = SourcePaths(base, base) if reader is None else SourcePaths(base, base, reader=reader)
    return open_csv(paths, **given).development()


def kinds(read: Content) -> dict[str, str]:
    """What the columns were taken for."""
    assert read.report is not None
    return {column.name: column.taken_for for column in read.report.columns}


CITIES = ["Rome", "Oslo", "Bonn"] * (N // 3)
AGES = [20 + k % 50 for k in range(N)]
DAYS = [f"2020-01-{1 + k % 28:02d}" for k in range(N)]


def test_each_column_is_reported_with_a_reason(tmp_path: Path) -> None:
    names = [f"name {k}" for k in range(N)]
    prices = [f"${k % 9}" for k in range(N)]
    read = content(
        tmp_path, city=CITIES, age=AGES, day=DAYS, name=names, price=prices, void=[""] * N, seven=[7] * N
    )
    assert kinds(read) == {
        "noise": "number",
        "city": "category",
        "age": "number",
        "day": "time",
        "name": "identifier",
        "price": "number",
        "void": "empty",
        "seven": "number",
        "y": "target",
    }
    assert read.report is not None
    by_name = {column.name: column for column in read.report.columns}
    assert by_name["price"].why == "numbers formatted for people: the currency sign $"
    assert by_name["name"].why.endswith("different texts in 96 rows")
    assert by_name["void"].missing == len(read)
    assert by_name["city"].distinct == 3
    assert by_name["seven"].notes == ("column seven has the value 7 in every row",)
    assert sum(read.report.target.values()) == len(read)


@pytest.mark.parametrize(
    ("kind", "taken", "is_input"),
    [
        ("number", "number", True),
        ("category", "category", True),
        ("time", "time", True),
        ("ignore", "ignored", False),
    ],
)
def test_the_spec_says_what_a_column_holds(tmp_path: Path, kind: str, taken: str, is_input: bool) -> None:
    read = content(tmp_path, age=AGES, columns={"age": kind})
    assert kinds(read)["age"] == taken
    assert ("age" in read.info.columns) is is_input
    assert ("age" in read.info.categories) is (kind == "category")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"columns": {"age": "number"}, "ignore": ["age"]}, "a number: `columns` wins over `ignore`"),
        (
            {"columns": {"age": "ignore"}, "categorical": ["age"]},
            "left out: `columns` wins over `categorical`",
        ),
        (
            {"columns": {"city": "number"}, "groups": "city"},
            "used for `groups`, not as an input; `columns` has",
        ),
        (
            {"columns": {"y": "number"}, "task": "classification"},
            "`task: classification` wins over `columns`",
        ),
        ({"ignore": ["age"], "categorical": ["age"]}, "left out: `ignore` wins over `categorical`"),
    ],
)
def test_which_argument_wins_is_named(tmp_path: Path, arguments: dict[str, Any], words: str) -> None:
    read = content(tmp_path, age=AGES, city=CITIES, **arguments)
    assert any(words in warning for warning in read.warnings), read.warnings


def test_marks_among_numbers_are_missing_where_the_spec_says_number(tmp_path: Path) -> None:
    ages = ["?" if k % 4 == 0 else age for k, age in enumerate(AGES)]
    with pytest.raises(UserError, match="column age is numeric except for row 1 "):
        content(tmp_path, age=ages)
    read = content(tmp_path, age=ages, columns={"age": "number"})
    missing = int(np.isnan(read.inputs[:, read.info.columns.index("age")]).sum())
    assert missing > 0
    assert f"column age: {missing} marks such as ? or - count as missing" in " ".join(read.warnings)


def test_texts_that_usually_mean_missing_can_be_kept(tmp_path: Path) -> None:
    lands = ["NA" if k % 4 == 0 else "DE" for k in range(N)]
    read = content(tmp_path, land=lands, columns={"land": "category"})
    missing = int(np.isnan(read.inputs[:, 1]).sum())
    words = f"column land: values count as missing that are 'NA' ({missing}); `missing` wins over `columns`"
    assert any(words in warning for warning in read.warnings), read.warnings
    kept = content(tmp_path, land=lands, not_missing=["NA"])
    assert kept.info.categories["land"] == ("DE", "NA")
    with pytest.raises(UserError, match="'NA' is listed under `missing`, too"):
        content(tmp_path, land=lands, not_missing=["NA"], missing=["NA"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"columns": {"city": "number"}}, "city is a number by the spec, but .* numbers alone; see row "),
        ({"columns": {"city": "time"}}, "city is a time by the spec, but .* ISO 8601 dates alone; see row "),
        (
            {"columns": {"town": "number"}},
            "data.arguments.columns: .* has no column 'town'; it has noise, city",
        ),
        ({"columns": {"y": "text"}}, "the target y cannot be 'text'; legal: number"),
    ],
)
def test_what_the_spec_says_must_be_possible(tmp_path: Path, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        content(tmp_path, city=CITIES, **arguments)


def test_only_known_kinds_are_legal() -> None:
    given = {"file": "t.csv", "target": "y", "columns": {"age": "integer"}}
    assert [str(fault.message) for fault in data_sources.faults("csv", given)] == [
        "{age: 'integer'} is not a mapping of names, each to one of number, category, text, time, ignore"
    ]
    assert data_sources.faults("csv", {**given, "columns": ["age"]})
    assert data_sources.faults("csv", {**given, "columns": "number"})


def test_the_target_says_the_task(tmp_path: Path) -> None:
    assert content(tmp_path, y=[k % 3 for k in range(N)], columns={"y": "number"}).info.task == "regression"
    assert content(tmp_path, y=[k % 3 for k in range(N)], columns={"y": "category"}).info.classes == (
        "0",
        "1",
        "2",
    )


@pytest.mark.parametrize("y", [["yes"] * N, [1.5] * N])
def test_a_target_of_one_value_is_refused(tmp_path: Path, y: list[Any]) -> None:
    with pytest.raises(UserError, match=r"the target y is .* in every row of the development part"):
        content(tmp_path, y=y)


MILLISECONDS = 1_700_000_000_000 + np.random.default_rng(1).permutation(N)
CHARGES = np.random.default_rng(1).normal(size=N) * 1e-50


@pytest.mark.parametrize("values", [MILLISECONDS, CHARGES])
def test_what_single_precision_would_lose_is_scaled_before_the_cast(tmp_path: Path, values: Any) -> None:
    read = content(tmp_path, x=[repr(value) for value in values.tolist()])
    column = read.inputs[:, 1].astype(float)
    offset, scale = read.info.scaling["x"]
    known = np.isin(np.round((column * scale + offset) / scale, 3), np.round(values / scale, 3))
    assert known.all()
    assert len(np.unique(column)) == len(read)
    assert any("column x: single precision would round" in warning for warning in read.warnings)
    again, _ = encode(read_table(tmp_path / "t.csv", "csv"), read.info)
    assert set(read.inputs[:, 1].tolist()) <= set(again[:, 1].tolist()), "new rows are scaled likewise"
    assert not content(tmp_path, reader=4, x=[repr(value) for value in values.tolist()]).info.scaling


@pytest.mark.parametrize(
    "arguments", [{}, {"columns": {"x": "category"}}, {"columns": {"x": "ignore"}, "not_missing": ["NA"]}]
)
def test_no_row_changes_sides_with_the_version_of_the_reader_or_with_what_columns_hold(
    tmp_path: Path, arguments: dict[str, Any]
) -> None:
    earlier = content(tmp_path, reader=4, x=MILLISECONDS.tolist())
    now = content(tmp_path, x=MILLISECONDS.tolist(), **arguments)
    np.testing.assert_array_equal(earlier.positions, now.positions)
    np.testing.assert_array_equal(earlier.digests(), now.digests())
