import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.errors import UserError
from hpo.data.repeated_rows import repeated_rows
from hpo.data.split import RowLabels, Split, folds, split


def labels(*counts: int) -> np.ndarray:
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(5).permutation(labels)


def disjoint_and_complete(parts: Split, n: int) -> bool:
    rows = [parts.train, parts.validation, *([] if parts.final is None else [parts.final])]
    return sorted(np.concatenate(rows).tolist()) == list(range(n))


@settings(max_examples=60, deadline=None)
@given(
    counts=st.lists(st.integers(3, 60), min_size=1, max_size=8),
    search=st.floats(0.05, 0.4),
    final=st.floats(0.05, 0.4),
    seed=st.integers(0, 1000),
)
def test_every_class_has_its_share_within_one_row(
    counts: list[int], search: float, final: float, seed: int
) -> None:
    targets = labels(*counts)
    parts = split(targets, validation={"search": search, "final": final}, seed=seed)
    assert disjoint_and_complete(parts, len(targets))
    assert parts.final is not None
    for label, count in enumerate(counts):
        for rows, share in ((parts.validation, search), (parts.final, final)):
            got = int((targets[rows] == label).sum())
            assert got >= 1
            assert abs(got - share * count) < 1 or got == 1


def test_totals_are_exact() -> None:
    parts = split(labels(*[17] * 10), validation=0.1, seed=0)
    assert parts.counts() == {"train": 153, "validation": 17}


def test_the_split_depends_only_on_the_seed() -> None:
    targets = labels(30, 30)
    one, same, other = (split(targets, validation=0.2, seed=seed) for seed in (1, 1, 2))
    assert one.fingerprint == same.fingerprint
    np.testing.assert_array_equal(one.validation, same.validation)
    assert one.fingerprint != other.fingerprint


def test_roles_have_fingerprints_of_their_own() -> None:
    rows = np.arange(6)
    with_final = Split(rows[:2], rows[2:4], rows[4:])
    assert with_final.fingerprint != Split(rows[:2], rows[2:4]).fingerprint
    assert with_final.fingerprint != Split(rows[:2], rows[2:]).fingerprint
    np.testing.assert_array_equal(with_final.ranking, rows[4:])
    np.testing.assert_array_equal(Split(rows[:2], rows[2:4]).ranking, rows[2:4])


def test_a_class_of_one_is_named() -> None:
    with pytest.raises(UserError, match="class 'cat' has 1 example, too few for 2 parts"):
        split(labels(9, 1), validation=0.2, seed=0, classes=("dog", "cat"))
    assert split(labels(9, 1), validation=0.2, seed=0, stratified=False).counts() == {
        "train": 8,
        "validation": 2,
    }


@pytest.mark.parametrize(
    ("validation", "word"),
    [
        (0.0, "not between 0 and 1"),
        (1.0, "not between 0 and 1"),
        ({"search": 0.5, "final": 0.5}, "none of 20 rows for training"),
        ({"final": 0.5}, "legal roles are search"),
        ({"search": 0.2, "last": 0.2}, "legal roles are search"),
    ],
)
def test_impossible_shares(validation: object, word: str) -> None:
    with pytest.raises(UserError, match=word):
        split(labels(10, 10), validation=validation, seed=0)  # type: ignore[arg-type]


def test_regression_rows_are_split_at_random() -> None:
    targets = np.arange(50, dtype=np.float32)
    parts = split(targets, validation=0.3, seed=0)
    assert parts.counts() == {"train": 35, "validation": 15}
    assert not np.array_equal(parts.validation, np.arange(35, 50))


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(1, 12), min_size=6, max_size=30), seed=st.integers(0, 99))
def test_groups_stay_together(sizes: list[int], seed: int) -> None:
    groups = np.repeat([f"p{k}" for k in range(len(sizes))], sizes)
    targets = np.arange(len(groups)) % 2
    parts = split(targets, validation=0.3, seed=seed, groups=groups)
    assert disjoint_and_complete(parts, len(groups))
    assert not set(groups[parts.train]) & set(groups[parts.validation])
    assert abs(len(parts.validation) - 0.3 * len(groups)) <= max(sizes)


def test_groups_are_balanced_by_class() -> None:
    groups = np.repeat(np.arange(40), 10)
    targets = np.repeat(np.arange(40) % 2, 10)
    parts = split(targets, validation=0.25, seed=3, groups=groups)
    assert np.bincount(targets[parts.validation]).tolist() == [50, 50]


def test_groups_that_cannot_be_divided() -> None:
    with pytest.raises(UserError, match="1 group"):
        split(labels(5, 5), validation=0.2, seed=0, groups=np.zeros(10, np.int64))
    lumps = np.array([0] * 98 + [1, 1])
    parts = split(labels(50, 50), validation=0.1, seed=0, groups=lumps)
    assert set(lumps[parts.validation]) == {1}


def test_validation_is_later_than_train() -> None:
    times = np.random.default_rng(0).permutation(100).astype(float)
    parts = split(labels(50, 50), validation={"search": 0.2, "final": 0.1}, seed=0, times=times)
    assert parts.final is not None
    assert times[parts.train].max() < times[parts.validation].min()
    assert times[parts.validation].max() < times[parts.final].min()
    assert parts.counts() == {"train": 70, "validation": 20, "final": 10}


def test_equal_times_stay_together_or_are_refused() -> None:
    times = np.repeat([1.0, 2.0, 3.0], 10)
    parts = split(labels(15, 15), validation=0.3, seed=0, times=times)
    assert set(times[parts.validation]) == {3.0}
    with pytest.raises(UserError, match="1 distinct times of 30 rows"):
        split(labels(15, 15), validation=0.3, seed=0, times=np.ones(30))


def test_folds_validate_every_row_once_in_each_repeat() -> None:
    data = RowLabels(labels(25, 14), ("a", "b"))
    found = folds(data, count=5, seed=0, repeats=2)
    assert len(found) == 10
    for repeat in (found[:5], found[5:]):
        assert sorted(np.concatenate([fold.validation for fold in repeat]).tolist()) == list(range(39))
        for fold in repeat:
            counts = np.bincount(data.targets[fold.validation], minlength=2)
            assert counts[0] == 5
            assert counts[1] in (2, 3)
            assert disjoint_and_complete(fold, 39)
    assert sorted(len(fold.validation) for fold in found[:5]) == [7, 8, 8, 8, 8]
    assert found[0].fingerprint != found[5].fingerprint


def test_folds_within_some_rows() -> None:
    rows = np.arange(10, 39)
    found = folds(RowLabels(labels(25, 14)), count=3, seed=0, within=rows)
    assert sorted(np.concatenate([fold.validation for fold in found]).tolist()) == rows.tolist()


def test_more_folds_than_examples_of_a_class() -> None:
    with pytest.raises(UserError, match="class 'b' has 4 examples, too few for 5 parts"):
        folds(RowLabels(labels(25, 4), ("a", "b")), count=5, seed=0)
    with pytest.raises(UserError, match="at least 2"):
        folds(RowLabels(labels(25, 4)), count=1, seed=0)


def test_folds_by_group_and_by_time() -> None:
    groups = np.repeat(np.arange(13), 3)
    for fold in folds(RowLabels(labels(25, 14), groups=groups), count=4, seed=0):
        assert not set(groups[fold.train]) & set(groups[fold.validation])
    times = np.random.default_rng(0).permutation(39).astype(float)
    forward = folds(RowLabels(labels(25, 14), times=times), count=3, seed=0)
    assert len(forward) == 3
    for fold in forward:
        assert times[fold.train].max() < times[fold.validation].min()
    assert len(forward[0].train) < len(forward[2].train)


def repeating(n: int, copies: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of which the last ones repeat the first, labels that differ between them, and their numbers."""
    rows = np.random.default_rng(0).normal(size=(n, 30)).astype(np.float32)
    rows[0, 3] = np.nan
    rows = np.concatenate([rows, rows[:copies]])
    numbers = repeated_rows(rows)
    assert numbers is not None
    return rows, np.arange(len(rows)) % 3, numbers


def test_rows_with_equal_inputs_have_one_number() -> None:
    _, _, numbers = repeating(100, 20)
    assert numbers.tolist() == [*range(100), *range(20)]
    distinct = np.random.default_rng(0).integers(0, 255, (50, 8, 8, 3)).astype(np.uint8)
    assert repeated_rows(distinct) is None
    few_values = np.random.default_rng(0).integers(0, 2, (400, 4)).astype(np.float32)
    assert repeated_rows(few_values) is None


@pytest.mark.parametrize("stratified", [True, False])
def test_equal_rows_are_in_one_part_of_a_split_and_in_one_fold(stratified: bool) -> None:
    _, targets, numbers = repeating(400, 100)
    shares = {"search": 0.2, "final": 0.1}
    parts = split(targets, validation=shares, seed=1, stratified=stratified, equal=numbers)
    assert disjoint_and_complete(parts, 500)
    data = RowLabels(targets, stratified=stratified, equal=numbers)
    for one in [parts, *folds(data, count=5, seed=1)]:
        parts_of = [set(numbers[rows]) for rows in one.roles().values()]
        assert sum(map(len, parts_of)) == len(set.union(*parts_of)) == 400
        assert len(one.validation) == pytest.approx(100, abs=25)
    apart = split(targets, validation=shares, seed=1, stratified=stratified)
    assert set(numbers[apart.train]) & set(numbers[apart.validation])


def test_equal_rows_are_divided_if_a_part_would_be_empty_otherwise() -> None:
    parts = split(labels(5, 5), validation=0.2, seed=0, equal=np.zeros(10, np.int64))
    assert parts.counts() == {"train": 8, "validation": 2}
