from pathlib import Path

import numpy as np
import pytest

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from trainables.data.content import Content
from trainables.data.digests import as_keys, row_digests, set_digest
from trainables.data.held_out import carve, first_cut
from trainables.data.uncut import READER, Uncut


def table(n: int, classes: int = 3, seed: int = 0) -> Content:
    random = np.random.default_rng(seed)
    info = DataInfo("table", "classification", (4,), tuple(map(str, range(classes))))
    return Content(random.normal(size=(n, 4)).astype(np.float32), np.arange(n) % classes, info)


def test_the_cut_follows_the_content_and_not_the_order() -> None:
    whole = table(300)
    _, test = carve(whole, 0.2)
    shuffled = whole.take(np.random.default_rng(1).permutation(300))
    _, again = carve(shuffled, 0.2)
    assert len(test) == 60
    assert set_digest(test.digests()) == set_digest(again.digests())
    assert np.bincount(test.targets).tolist() == [20, 20, 20]


def test_a_few_added_or_removed_rows_hardly_change_the_cut() -> None:
    whole = table(300)
    keys = set(as_keys(carve(whole, 0.2)[1].digests()).tolist())
    fewer = set(as_keys(carve(whole.take(np.arange(270)), 0.2)[1].digests()).tolist())
    assert len(keys & fewer) / len(fewer) > 0.9


def test_equal_rows_are_on_one_side() -> None:
    whole = table(50)
    twice = whole.take(np.repeat(np.arange(50), 2))
    development, test = carve(twice, 0.3)
    assert not set(as_keys(development.digests()).tolist()) & set(as_keys(test.digests()).tolist())


@pytest.mark.parametrize("reader", [5, READER])
def test_equal_rows_with_different_labels_are_on_one_side_since_reader_6(reader: int) -> None:
    random = np.random.default_rng(0)
    digests = row_digests(np.repeat(random.normal(size=(300, 4)), 2, 0).astype(np.float32))
    labels = random.integers(0, 3, 600)
    labels[:20] = 3  # a class of few rows
    mask = first_cut(Uncut(digests, 0.2, labels, reader=reader))
    assert (mask[::2] == mask[1::2]).all() == (reader == READER)
    assert mask.mean() == pytest.approx(0.2, abs=0.01)
    assert mask[labels == 3].sum() >= 4


def test_groups_stay_together_and_times_are_latest() -> None:
    digests = row_digests(np.arange(100).reshape(-1, 1))
    groups = np.repeat(np.arange(20), 5)
    mask = first_cut(Uncut(digests, 0.25, groups=groups))
    assert mask.sum() == 25
    assert not set(groups[mask]) & set(groups[~mask])
    times = np.random.default_rng(0).permutation(100).astype(float)
    late = first_cut(Uncut(digests, 0.1, times=times))
    assert sorted(times[late]) == list(range(90, 100))


def test_a_cut_that_leaves_nothing_is_refused() -> None:
    with pytest.raises(UserError, match="leaves one of the two parts empty"):
        first_cut(Uncut(row_digests(np.zeros((4, 1))), 0.5))
    with pytest.raises(UserError, match="leaves one of the two parts empty"):
        first_cut(Uncut(row_digests(np.arange(2).reshape(-1, 1)), 0.1))
    with pytest.raises(UserError, match="parts empty: groups are not divided, and all rows are of one group"):
        first_cut(Uncut(row_digests(np.arange(40).reshape(-1, 1)), 0.2, groups=np.zeros(40, np.int64)))


def test_digests_depend_on_numbers_and_not_on_storage(tmp_path: Path) -> None:
    rows = np.array([[0.0, np.nan, 1.0], [-0.0, -np.nan, 1.0], [0.0, np.nan, 2.0]], np.float32)
    keys = as_keys(row_digests(rows)).tolist()
    assert keys[0] == keys[1] != keys[2]
    np.testing.assert_array_equal(row_digests(np.asfortranarray(rows)), row_digests(rows))
    np.save(tmp_path / "rows.npy", rows)
    np.testing.assert_array_equal(
        row_digests(np.load(tmp_path / "rows.npy", mmap_mode="r")), row_digests(rows)
    )
    assert set_digest(row_digests(rows)) == set_digest(row_digests(rows[[2, 1]]))
    assert set_digest(row_digests(rows)) != set_digest(row_digests(rows[:1]))


@pytest.mark.parametrize(
    ("inputs", "targets", "word"),
    [
        (np.zeros((3, 2), np.float32), np.zeros(2, np.int64), "3 inputs but 2 targets"),
        (np.zeros((0, 2), np.float32), np.zeros(0, np.int64), "no examples"),
        (np.zeros((2, 3), np.float32), np.zeros(2, np.int64), "declared shape"),
        (np.zeros((2, 2)), np.zeros(2, np.int64), "must be float32"),
        (np.zeros((2, 2), np.float32), np.array([0, 5]), "label 5 of row 1 is outside 0 to 1"),
        (np.zeros((2, 2), np.float32), np.array([0, -1]), "label -1 of row 1"),
        (np.zeros((2, 2), np.float32), np.zeros(2), "labels must be int64"),
        (np.array([[0, 1], [0, np.inf]], np.float32), np.zeros(2, np.int64), "column b is infinite in row 1"),
    ],
)
def test_content_is_checked_at_birth(inputs: np.ndarray, targets: np.ndarray, word: str) -> None:
    info = DataInfo("table", "classification", (2,), ("x", "y"), ("a", "b"))
    with pytest.raises(UserError, match=word):
        Content(inputs, targets, info)


def test_regression_needs_finite_numbers() -> None:
    info = DataInfo("table", "regression", (1,), columns=("a",))
    with pytest.raises(UserError, match="target of row 1 is not a finite number"):
        Content(np.zeros((2, 1), np.float32), np.array([0, np.nan], np.float32), info)
