import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from hpo.core.errors import UserError
from hpo.core.home import Home
from hpo.data.custodian import prepare
from hpo.data.sealed_part import open_test
from trainables.data.content import Source, SourcePaths
from trainables.data.digests import overlap, set_digest
from trainables.data.table_encoding import encode
from trainables.data.table_reading import read_table
from trainables.parts import data_sources

N = 60


def people(seed: int = 0, n: int = N) -> dict[str, list[Any]]:
    random = np.random.default_rng(seed)
    return {
        "age": [None if k % 7 == 3 else float(random.integers(18, 90)) for k in range(n)],
        "city": [
            None if k % 11 == 5 else ["Rome", "Oslo", "Bonn"][int(random.integers(3))] for k in range(n)
        ],
        "height": [round(float(random.normal(170, 9)), 3) for _ in range(n)],
        "person": [f"p{k // 3}" for k in range(n)],
        "when": [f"2020-01-{1 + k % 28:02d}" for k in range(n)],
        "zip": [int(random.integers(3)) * 10_000 for _ in range(n)],
        "y": ["no" if random.random() < 0.5 else "yes" for _ in range(n)],
        "income": [float(random.normal(3000, 400)) for _ in range(n)],
    }


def write(path: Path, columns: dict[str, list[Any]], kind: str = "csv") -> Path:
    table = pa.table(columns)
    if kind == "csv":
        pyarrow.csv.write_csv(table, path)
    else:
        pyarrow.parquet.write_table(table, path)
    return path


def source(base: Path, kind: str = "csv", **arguments: Any) -> Source:
    given = {"file": f"people.{kind}", "target": "y", "ignore": ["person", "when", "income"], **arguments}
    assert data_sources.faults(kind, given) == []
    return data_sources.open_source(kind, given, SourcePaths(base, base))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_numbers_categories_and_missing_values(tmp_path: Path, kind: str) -> None:
    columns = people()
    write(tmp_path / f"people.{kind}", columns, kind)
    one = source(tmp_path, kind, categorical=["zip"])
    development, test = one.development(), one.test()
    assert test is not None
    info = development.info
    assert info.columns == ("age", "city", "height", "zip")
    assert dict(info.categories) == {"city": ("Bonn", "Oslo", "Rome"), "zip": ("0", "10000", "20000")}
    assert info.classes == ("no", "yes")
    assert info.task == "classification"
    assert len(development) + len(test) == N
    missing = sum(np.isnan(part.inputs[:, 0]).sum() for part in (development, test))
    assert missing == columns["age"].count(None)
    both = np.concatenate([development.inputs[:, 2], test.inputs[:, 2]])
    np.testing.assert_allclose(sorted(both), sorted(np.float32(columns["height"])))
    assert any("treated as classification" in each for each in development.warnings)


def test_csv_and_parquet_of_one_table_are_the_same_data(tmp_path: Path) -> None:
    write(tmp_path / "people.csv", people())
    write(tmp_path / "people.parquet", people(), "parquet")
    one, other = source(tmp_path, "csv").test(), source(tmp_path, "parquet").test()
    assert one is not None
    assert other is not None
    assert set_digest(one.digests()) == set_digest(other.digests())
    np.testing.assert_array_equal(one.inputs, other.inputs)


def test_order_of_rows_and_columns_is_free(tmp_path: Path) -> None:
    columns = people()
    write(tmp_path / "people.csv", columns)
    first = source(tmp_path).test()
    order = np.random.default_rng(3).permutation(N)
    write(tmp_path / "people.csv", {name: [columns[name][k] for k in order] for name in reversed(columns)})
    second = source(tmp_path).test()
    assert first is not None
    assert second is not None
    assert set_digest(first.digests()) == set_digest(second.digests())


def test_dropping_a_column_keeps_the_test_data_the_same(tmp_path: Path) -> None:
    write(tmp_path / "people.csv", people())
    first, second = source(tmp_path).test(), source(tmp_path, ignore=["person", "when", "age"]).test()
    assert first is not None
    assert second is not None
    assert overlap(second.digests(), first.digests()) == 1


def test_regression_from_a_test_file(tmp_path: Path) -> None:
    write(tmp_path / "people.csv", people())
    later = people(1, 20)
    later["city"][4] = "Paris"
    later["city"][5] = "Paris"
    write(tmp_path / "later.csv", later)
    one = source(
        tmp_path, target="income", task="regression", test_file="later.csv", ignore=["person", "when"]
    )
    development, test = one.development(), one.test()
    assert test is not None
    assert (len(development), len(test)) == (N, 20)
    assert development.targets.dtype == np.float32
    assert development.info.classes == ()
    place = development.info.columns.index("city")
    assert test.inputs[4, place] == 3, "one more than the three categories that are known"
    assert test.warnings == (
        "column city: 2 values are not categories of the development part and count as unknown",
    )


def test_encodings_do_not_depend_on_the_test_part(tmp_path: Path) -> None:
    columns = people()
    write(tmp_path / "people.csv", columns)
    write(tmp_path / "test.csv", people(1, 20))
    first = source(tmp_path, test_file="test.csv").development()
    poisoned = people(1, 20) | {"city": ["Elsewhere"] * 20, "height": [1e6] * 20}
    write(tmp_path / "test.csv", poisoned)
    second = source(tmp_path, test_file="test.csv").development()
    assert first.info == second.info
    np.testing.assert_array_equal(first.inputs, second.inputs)


def test_groups_and_times_are_kept_and_are_not_inputs(tmp_path: Path) -> None:
    write(tmp_path / "people.csv", people())
    grouped = source(tmp_path, groups="person", ignore=[])
    development, test = grouped.development(), grouped.test()
    assert test is not None
    assert development.groups is not None
    assert test.groups is not None
    assert "person" not in development.info.columns
    assert not set(development.groups) & set(test.groups)
    timed = source(tmp_path, time="when")
    early, late = timed.development(), timed.test()
    assert late is not None
    assert early.times is not None
    assert late.times is not None
    assert early.times.max() < late.times.min()
    assert "when" not in early.info.columns
    assert any("share their when with others" in each for each in early.warnings)


def test_the_custodian_keeps_groups_and_times(tmp_path: Path) -> None:
    write(tmp_path / "people.csv", people())
    arguments = data_sources.columns(
        {"file": "people.csv", "target": "y", "ignore": ["income"]}, groups="person", time="when"
    )
    found = prepare("csv", arguments, Home(tmp_path / "home"), tmp_path)
    groups, times = found.groups(), found.times()
    assert groups is not None
    assert times is not None
    assert len(groups) == len(times) == found.n
    assert found.test is not None
    assert len(open_test("csv", arguments, tmp_path, found.test)) == found.test.n


def test_identifiers_and_empty_columns_are_left_out_with_a_warning(tmp_path: Path) -> None:
    columns = people() | {"name": [f"name {k}" for k in range(N)], "void": [None] * N}
    write(tmp_path / "people.csv", columns)
    development = source(tmp_path).development()
    assert {"name", "void"}.isdisjoint(development.info.columns)
    assert any("name has" in each and "identifier" in each for each in development.warnings)
    assert any("void is empty" in each for each in development.warnings)
    assert "name" in source(tmp_path, categorical=["name"]).development().info.columns


def spoilt(column: str, row: int, value: Any) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {name: list(values) for name, values in people().items()}
    columns[column] = [None if each is None else str(each) for each in columns[column]]
    columns[column][row] = value
    return columns


NAMES = [f"name {number}" for number in range(60)]


@pytest.mark.parametrize(
    ("columns", "arguments", "words"),
    [
        (spoilt("height", 4, "tall"), {}, "column height is numeric except for row .*'tall'.*categorical"),
        (spoilt("y", 4, None), {}, "the target y is missing in row .*1 such row"),
        (people(), {"task": "regression"}, "the target y must be numeric for regression; see row"),
        (
            spoilt("height", 4, "tall"),
            {"target": "height"},
            "the target height is numeric except for row .*'tall'",
        ),
        (
            {**people(), "y": NAMES},
            {"task": "classification"},
            "y has 60 different values in 60 rows, too many",
        ),
        ({**people(), "y": NAMES}, {}, "y has 57 different values in 57 rows, too many for classes"),
        (people(), {"target": "x"}, "has no column 'x'; it has age, city"),
        (people(), {"groups": "x"}, "data.arguments.groups: .*has no column 'x'"),
        (people(), {"categorical": ["x"]}, "data.arguments.categorical: .*has no column 'x'"),
        (people(), {"time": "city"}, "column city has neither numbers nor ISO 8601 dates; see row 1"),
        (spoilt("when", 4, None), {"time": "when"}, "column when has no value in row 5"),
        (spoilt("person", 4, None), {"groups": "person"}, "column person has no value in row 5"),
        (people(), {"file": "nowhere.csv"}, "the file .*nowhere.csv does not exist"),
        (people(), {"delimiter": ";"}, r"has one column .* has 7 ','; .*delimiter: \",\"}"),
        (
            {"amount": ["1,234", "5,678"] * 30, "y": ["no", "yes"] * 30},
            {"delimiter": ";", "ignore": []},
            "has one column",
        ),
    ],
)
def test_faults_are_named(
    tmp_path: Path, columns: dict[str, list[Any]], arguments: dict[str, Any], words: str
) -> None:
    write(tmp_path / "people.csv", columns)
    with pytest.raises(UserError, match=words):
        source(tmp_path, test_share=0.05, **arguments).development()


@pytest.mark.parametrize(
    ("encoding", "words"),
    [
        ("utf-16", "is encoded as UTF-16; save it as UTF-8"),
        ("utf-16-le", "contains zero bytes: it is encoded as UTF-16 or is not text; save it as UTF-8"),
        (
            "latin-1",
            r"not encoded as UTF-8 \(byte 0xf6 .*perhaps as Windows-1252 or Latin-1; save it as UTF-8",
        ),
    ],
)
def test_encodings_are_named(tmp_path: Path, encoding: str, words: str) -> None:
    (tmp_path / "people.csv").write_bytes("x,y\n1,Köln\n2,Bonn\n".encode(encoding))
    with pytest.raises(UserError, match=words):
        source(tmp_path, ignore=[]).development()


def test_quoted_line_breaks_of_large_files_belong_to_their_field(tmp_path: Path) -> None:
    rows = (f'{row},"one, two\n{row}\n",{row % 2}\n' for row in range(100_000))
    (tmp_path / "people.csv").write_text("a,b,y\n" + "".join(rows))
    table = read_table(tmp_path / "people.csv", "csv")
    assert len(table) == 100_000
    assert table.columns["b"][99_999].as_py() == "one, two\n99999\n"


def test_anything_but_a_file_is_refused_without_being_opened(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "empty").write_text("\n\n")
    names = {"folder": "is a folder", "pipe": "is a pipe or a device", "zero": "is a pipe or a device"}
    for name, words in {**names, "loop": "cannot be opened: Too many", "empty": "is empty"}.items():
        with pytest.raises(UserError, match=f"{name} {words}"):
            read_table(tmp_path / name, "csv")


@pytest.mark.parametrize("written", ["\t", "tab", "\\t"])
def test_a_tab_can_be_written_in_three_ways(tmp_path: Path, written: str) -> None:
    (tmp_path / "people.csv").write_text("x\ty\n" + "".join(f"{k / 8}\t{k % 2}\n" for k in range(40)))
    assert source(tmp_path, ignore=[], delimiter=written).development().info.columns == ("x",)


@pytest.mark.parametrize("written", ["", "||", '"', "\n", "é"])
def test_delimiters_of_no_or_several_characters_are_refused(written: str) -> None:
    faults = data_sources.faults("csv", {"file": "t.csv", "target": "y", "delimiter": written})
    assert [fault.path for fault in faults] == ["arguments.delimiter"]
    assert "cannot separate fields; legal: one ASCII character" in faults[0].message


def test_spaces_in_the_header_are_shown(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("age, y\n1, no\n2, yes\n")
    with pytest.raises(UserError, match="has no column 'y'; it has age, ' y' with spaces"):
        source(tmp_path, ignore=[]).development()


def test_declaring_a_missing_text_makes_a_column_numeric(tmp_path: Path) -> None:
    write(tmp_path / "people.csv", spoilt("height", 4, "tall"))
    development = source(tmp_path, missing=["tall"]).development()
    assert "height" not in development.info.categories


@pytest.mark.parametrize("content", ["", "a,b\n", "a,y\n1\n2,3,4\n", "a,a,y\n1,2,3\n", "a,y\n\xff\xfe,1\n"])
def test_files_that_are_not_tables(tmp_path: Path, content: str) -> None:
    (tmp_path / "people.csv").write_bytes(content.encode("latin-1"))
    with pytest.raises(UserError, match=r"people\.csv"):
        source(tmp_path, ignore=[]).development()


def test_messages_contain_no_value_of_the_test_part(tmp_path: Path) -> None:
    write(tmp_path / "people.csv", people())
    later = people(1, 20) | {"height": ["a secret"] * 20}
    write(tmp_path / "later.csv", later)
    one = source(tmp_path, test_file="later.csv")
    with pytest.raises(UserError, match="column height must be numeric") as caught:
        one.test()
    assert "secret" not in str(caught.value)


def test_new_rows_are_encoded_as_the_data_set_is(tmp_path: Path) -> None:
    info = source(write(tmp_path / "people.csv", people()).parent).development().info
    write(tmp_path / "new.csv", {"height": [1.5], "city": ["Paris"], "age": [3], "zip": [7]})
    inputs, unknown = encode(read_table(tmp_path / "new.csv", "csv"), info)
    np.testing.assert_array_equal(inputs, np.float32([[3, 3, 1.5, 7]]))
    assert unknown == {"city": 1}


def test_a_table_of_its_target_alone_and_ids_that_repeat_are_refused(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("y\n" + "1\n0\n" * 20)
    paths = SourcePaths(tmp_path, tmp_path)
    with pytest.raises(UserError, match="has no column besides the target y"):
        data_sources.open_source("csv", {"file": "rows.csv", "target": "y"}, paths).development()
    lines = [f"{row // 2},{row},{row % 2}" for row in range(40)]
    (tmp_path / "rows.csv").write_text("\n".join(["name,x,y", *lines]) + "\n")
    arguments = {"file": "rows.csv", "target": "y", "id": "name"}
    with pytest.raises(UserError, match=r"20 values of column name occur more than once, such as .* row 1 "):
        data_sources.open_source("csv", arguments, paths).development()


def test_a_million_equal_rows_cannot_be_cut(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x,y\n" + "1,0.5\n" * 1_000_000)
    arguments = {"file": "rows.csv", "target": "y", "task": "regression"}
    with pytest.raises(
        UserError,
        match=r"0\.2 of 1,000,000 rows leaves .*: equal rows are cut together, and there is only 1 distinct",
    ):
        data_sources.open_source("csv", arguments, SourcePaths(tmp_path, tmp_path)).development()
