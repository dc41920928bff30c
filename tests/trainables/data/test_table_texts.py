"""Columns of texts reach training code as they are, from either kind of file, and nothing moves for them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, parquet

from hpo.core.errors import UserError
from hpo.core.trainable import Examples
from trainables.data.content import Content, SourcePaths
from trainables.data.uncut import READER
from trainables.data.unlabelled import read_unlabelled
from trainables.functions.datasets import Dataset
from trainables.parts import data_sources
from trainables.registry import SHIPPED

N = 60
TEXTS = [f"  Über {k}, ça va?" for k in range(N)]
TABLE = {
    "review": TEXTS,
    "zip": [f"0{k:04d}" for k in range(N)],
    "shop": ["A", "B", "C"] * (N // 3),
    "price": [None if k == 7 else k / 4 for k in range(N)],
    "sent": ["good", "bad"] * (N // 2),
}
CHOICES = {"review": "text", "zip": "text"}


def write(base: Path, kind: str, **changed: list[Any]) -> None:
    table = pa.table({**TABLE, **changed})
    if kind == "csv":
        csv.write_csv(table, base / "t.csv")
    else:
        parquet.write_table(table, base / "t.parquet")


def parts(base: Path, kind: str, reader: int = READER, **arguments: Any) -> tuple[Content, Content]:
    given = {"file": f"t.{kind}", "target": "sent", "columns": CHOICES, **arguments}
    source = data_sources.open_source(kind, given, SourcePaths(base, base, reader=reader))
    development, test = source.development(), source.test()
    assert test is not None
    return development, test


def dataset(part: Content) -> Dataset:
    return Dataset(Examples(part.inputs, part.targets, np.arange(len(part)), part.info))


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_rows_are_items_with_the_texts_of_the_file(tmp_path: Path, kind: str) -> None:
    write(tmp_path, kind)
    development, test = parts(tmp_path, kind)
    rows = [item for part in (development, test) for item in dataset(part)]
    assert len(rows) == N
    by_review = {row["review"]: row for row in rows}
    assert set(by_review) == set(TEXTS)
    for k, text in enumerate(TEXTS):
        row = by_review[text]
        assert (row["zip"], row["shop"]) == (TABLE["zip"][k], TABLE["shop"][k])
        assert development.info.classes[row["sent"]] == TABLE["sent"][k]
        assert np.isnan(row["price"]) if k == 7 else row["price"] == k / 4
    assert development.info.texts == ("review", "zip")
    assert development.info.categories == {"shop": ("A", "B", "C")}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_no_row_moves_when_a_column_is_read_as_texts(tmp_path: Path, kind: str) -> None:
    write(tmp_path, kind)
    with_texts, without = parts(tmp_path, kind), parts(tmp_path, kind, columns={})
    earlier = parts(tmp_path, kind, reader=6)
    for ours, plain, before in zip(with_texts, without, earlier, strict=True):
        assert np.array_equal(ours.digests(), plain.digests())
        assert np.array_equal(ours.digests(), before.digests())
    assert earlier[0].info.kind == "table"
    assert "review" not in earlier[0].info.columns
    assert "column review is a text and is left out" in earlier[0].warnings


def test_a_single_column_of_texts_is_enough(tmp_path: Path) -> None:
    write(tmp_path, "csv")
    others = {"zip": "ignore", "shop": "ignore", "price": "ignore"}
    development, _ = parts(tmp_path, "csv", columns={"review": "text", **others})
    assert development.inputs.dtype.kind == "S"
    assert set(dataset(development)[0]) == {"review", "sent"}


def test_missing_texts_are_counted_and_long_ones_refused(tmp_path: Path) -> None:
    write(tmp_path, "csv", review=[None, "NA", *TEXTS[2:]])
    warnings = " ".join(warning for part in parts(tmp_path, "csv") for warning in part.warnings)
    assert "missing texts are read as empty ones" in warnings
    write(tmp_path, "csv", review=["x" * 70_000, *TEXTS[1:]])
    with pytest.raises(UserError, match="column review has a text of 70,000 bytes in row 1; legal: 65,536"):
        parts(tmp_path, "csv")


def test_a_shipped_recipe_names_the_columns_that_it_cannot_use(tmp_path: Path) -> None:
    write(tmp_path, "csv")
    info = parts(tmp_path, "csv")[0].info
    complaint = SHIPPED["tabular"].complaint(info, "accuracy")
    assert complaint is not None
    assert "columns: {review: ignore, zip: ignore}" in complaint


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_new_rows_are_read_in_the_same_way(tmp_path: Path, kind: str) -> None:
    write(tmp_path, kind)
    info = parts(tmp_path, kind)[0].info
    rows = read_unlabelled(tmp_path / f"t.{kind}", info, {"target": "sent", "columns": CHOICES})
    assert rows.inputs["review"][3].decode() == TEXTS[3]
    assert rows.inputs["zip"][3] == b"00003"
    assert rows.labelled
