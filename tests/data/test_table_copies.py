from collections.abc import Callable

import numpy as np
import pytest

from hpo.core.trainable import DataInfo
from hpo.data.equal_rows import equal_by_chance
from hpo.data.table_copies import information, table_copies

Rows = np.ndarray
Alter = Callable[[Rows, np.random.Generator], Rows]


def info(columns: int, categories: tuple[str, ...] = ()) -> DataInfo:
    names = tuple(f"c{index}" for index in range(columns))
    return DataInfo("table", "regression", (columns,), (), names, dict.fromkeys(categories, ("a", "b")))


def one_cell(rows: Rows, random: np.random.Generator) -> Rows:
    changed = rows.copy()
    changed[np.arange(len(rows)), random.integers(0, rows.shape[1], len(rows))] += 1
    return changed


def two_cells(rows: Rows, random: np.random.Generator) -> Rows:
    return one_cell(one_cell(rows, random), random)


ALTERED: dict[str, Alter] = {
    "noise": lambda rows, random: rows + random.normal(0, 1e-3, rows.shape),
    "rounded": lambda rows, random: rows.round(2),
    "one cell": one_cell,
    "two cells": two_cells,
}


@pytest.mark.parametrize("name", ALTERED)
@pytest.mark.parametrize("columns", [6, 12, 40])
def test_planted_copies_are_found_and_no_others(name: str, columns: int) -> None:
    random = np.random.default_rng(columns)
    ours, theirs = random.normal(size=(2, 900, columns))
    theirs[:60] = ALTERED[name](ours[100:160], random)
    found = table_copies(ours.astype(np.float32), theirs.astype(np.float32), info(columns))
    np.testing.assert_array_equal(found.theirs, np.arange(60))
    np.testing.assert_array_equal(found.ours, np.arange(100, 160))


def test_two_cells_may_differ_only_where_twice_as_many_agree() -> None:
    random = np.random.default_rng(5)
    ours, theirs = random.normal(size=(2, 900, 5))
    theirs[:60] = ours[:60]
    theirs[:60, 1:3] += 1
    assert not len(table_copies(ours.astype(np.float32), theirs.astype(np.float32), info(5)).theirs)


def test_a_new_identifier_is_the_column_that_differs() -> None:
    random = np.random.default_rng(0)
    ours, theirs = random.normal(size=(2, 300, 6)).astype(np.float32)
    theirs[:30] = ours[:30]
    ours[:, 4], theirs[:, 4] = np.arange(300), np.arange(300, 600)
    found = table_copies(ours, theirs, info(6))
    assert len(found.but_few) == 30
    assert found.column(info(6)) == "c4"


@pytest.mark.parametrize("columns", [1, 2, 3, 8, 30])
@pytest.mark.parametrize("shape", ["normal", "heavy", "clusters", "integers", "coarse"])
def test_rows_of_the_same_source_are_not_copies(shape: str, columns: int) -> None:
    random = np.random.default_rng(columns)
    normal = random.normal(size=(1200, columns))
    rows = {
        "normal": normal,
        "heavy": np.exp(2 * normal),
        "clusters": normal * 0.01 + random.normal(size=(20, columns))[random.integers(0, 20, 1200)],
        "integers": random.integers(0, 5, (1200, columns)),
        "coarse": normal.round(1),
    }[shape].astype(np.float32)
    found = table_copies(rows[:900], rows[900:], info(columns))
    assert len(found.theirs) == 0


def test_rows_of_other_categories_or_other_missing_cells_are_not_near() -> None:
    random = np.random.default_rng(1)
    ours, theirs = random.normal(size=(2, 400, 8)).astype(np.float32)
    ours[:, 0], theirs[:, 0] = random.integers(0, 2, (2, 400))
    theirs[:40] = ours[:40] + random.normal(0, 1e-3, (40, 8))
    theirs[:40, 0] = ours[:40, 0]
    theirs[:10, 0] = 1 - theirs[:10, 0]
    theirs[10:20, 3] = np.nan
    found = table_copies(ours, theirs, info(8, ("c0",)))
    np.testing.assert_array_equal(found.near[:, 1], np.arange(20, 40))


def test_large_tables_are_sampled() -> None:
    random = np.random.default_rng(2)
    ours, theirs = random.normal(size=(2, 6000, 6)).astype(np.float32)
    theirs[:3000] = ours[:3000] + np.float32(1e-4)
    found = table_copies(ours, theirs, info(6))
    assert found.searched == 2000
    assert 900 < len(found.theirs) < 1100


def test_information_of_rare_and_frequent_values() -> None:
    rows = np.array([[0, value] for value in range(64)], np.float32)
    bits = information(rows)
    assert (bits[:, 0] == 0).all()
    assert (bits[:, 1] > np.log2(64)).all()


def test_chance_explains_equal_rows_of_few_values_alone() -> None:
    random = np.random.default_rng(3)
    few, many = random.integers(0, 3, (500, 4)), random.normal(size=(500, 4))
    assert equal_by_chance(few.astype(np.float32)).explains(350, 100)
    assert not equal_by_chance(many.astype(np.float32)).explains(1, 100)
