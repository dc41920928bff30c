"""Every type of a Parquet column is taken, or named and left out."""

import datetime
import decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from hpo.core.errors import UserError
from trainables.data import columns
from trainables.data.content import Content, SourcePaths
from trainables.data.parquet_types import plain_column
from trainables.data.table_source import open_parquet

N = 60


def read(base: Path, values: pa.Array, **arguments: Any) -> Content:
    random = np.random.default_rng(0)
    table = {"v": values, "k": random.normal(size=N), "y": ["no", "yes"] * (N // 2)}
    parquet.write_table(pa.table(table), base / "t.parquet")
    return open_parquet(
        SourcePaths(base, base), file="t.parquet", **{"target": "y", "test_share": 0.05, **arguments}
    ).development()


@pytest.mark.parametrize(
    ("values", "first"),
    [
        (pa.array([None if k == 9 else k % 3 == 0 for k in range(N)]), [1, 0, 0, 1]),
        (pa.array(np.arange(N).astype(np.float16) / 2), [0, 0.5, 1, 1.5]),
        (pa.array([decimal.Decimal(k) / 4 for k in range(N)]), [0, 0.25, 0.5, 0.75]),
        (pa.array([datetime.timedelta(minutes=k) for k in range(N)]), [0, 60, 120, 180]),
        (pa.array([datetime.time(k % 24, 1) for k in range(N)]), [60, 3660, 7260, 10860]),
        (pa.array([1000 * k for k in range(N)], pa.time32("ms")), [0, 1, 2, 3]),
        (pa.array([datetime.date(1970, 1, 1 + k % 28) for k in range(N)]), [0, 1, 2, 3]),
        (pa.array([None if k == 9 else k for k in range(N)], pa.uint64()), [0, 1, 2, 3]),
    ],
)
def test_numbers_of_any_type_are_numbers(tmp_path: Path, values: pa.Array, first: list[float]) -> None:
    found = read(tmp_path, values)
    assert found.positions is not None
    kept = found.positions < 4
    np.testing.assert_allclose(found.inputs[kept, 0], np.array(first)[found.positions[kept]])
    assert "v" not in found.info.categories


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            pa.array([datetime.timedelta(minutes=k) for k in range(N)]),
            "column v: durations are read as seconds",
        ),
        (
            pa.array([datetime.time(k % 24, 1) for k in range(N)]),
            "column v: times of day are read as seconds",
        ),
        (pa.array([[1.0, 2.0]] * N), "column v holds values of the type list<"),
        (pa.array([{"a": 1}] * N), "column v holds values of the type struct<a: int64>, which a"),
    ],
)
def test_what_was_done_is_named(tmp_path: Path, values: pa.Array, words: str) -> None:
    assert any(warning.startswith(words) for warning in read(tmp_path, values).warnings)


@pytest.mark.parametrize("form", [pa.binary(), pa.large_binary(), pa.binary_view(), pa.binary(2)])
def test_bytes_are_the_text_that_they_encode(tmp_path: Path, form: pa.DataType) -> None:
    found = read(tmp_path, pa.array([b"ab" if k % 2 else "\u00e4".encode() for k in range(N)], form))
    assert found.info.categories["v"] == ("ab", "\u00e4")
    assert "column v: bytes are read as the text that they encode" in found.warnings
    plain, note = plain_column("v", pa.array([b"ab"]), decodes=False)
    assert (columns.texts(plain), note) == (["b'ab'"], "")


def test_other_bytes_are_left_out(tmp_path: Path) -> None:
    found = read(tmp_path, pa.array([b"\xff\x00"] * N).dictionary_encode())
    assert "column v holds bytes that are not a text in UTF-8, and is left out" in found.warnings
    assert found.info.columns == ("k",)


def test_categories_of_numbers_stay_categories() -> None:
    column, note = plain_column("v", pa.array([1, 2, 10, None]).dictionary_encode())
    assert column is not None
    assert columns.numbers(column) is None
    assert (columns.texts(column), note) == (["1", "2", "10", None], "")


def test_texts_as_polars_stores_them_are_categories_and_classes(tmp_path: Path) -> None:
    texts = [None if k == 9 else "pqq"[k % 3] for k in range(N)]
    found = read(tmp_path, pa.array(texts, pa.string_view()))
    assert found.info.categories == {"v": ("p", "q")}
    plain = read(tmp_path, pa.array(texts))
    assert found.digests().tolist() == plain.digests().tolist()
    labels = pa.array(["pq"[k % 2] for k in range(N)], pa.string_view())
    assert read(tmp_path, labels, target="v").info.classes == ("p", "q")


def test_extension_types_are_read_as_they_are_stored(tmp_path: Path) -> None:
    flags = pa.ExtensionArray.from_storage(pa.bool8(), pa.array([k % 2 for k in range(N)], pa.int8()))
    assert not read(tmp_path, flags).info.categories
    names = [bytes([k]) * 16 for k in range(N)]
    found = read(tmp_path, pa.ExtensionArray.from_storage(pa.uuid(), pa.array(names, pa.binary(16))))
    assert found.info.columns == ("k",)
    assert any("column v has" in warning and "identifier" in warning for warning in found.warnings)


def test_truth_values_are_classes(tmp_path: Path) -> None:
    assert read(tmp_path, pa.array([k % 2 == 0 for k in range(N)]), target="v").info.classes == ("0", "1")


def test_a_target_of_lists_is_refused_by_its_type(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"column v holds values of the type list.*, which a table"):
        read(tmp_path, pa.array([[1.0]] * N), target="v")


def test_times_outside_the_calendar_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="column v has times outside the years 1 to 9999"):
        read(tmp_path, pa.array([9_000_000_000_000_000] * N, pa.timestamp("s")))
