"""Traps of tables that no single column shows: pairs of columns, encoded targets, wrong labels."""

import numpy as np
import pytest

from hpo.data.column_pairs import revealing_pairs
from hpo.data.mislabelled import mislabelled_rows
from hpo.data.target_encoding import target_encoded

N = 600


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(3)


def pairs_of(*columns: np.ndarray, targets: np.ndarray, classes: int) -> tuple[dict[str, float], list[str]]:
    table = np.stack(columns, axis=1).astype(np.float32)
    alone = {f"c{index}": 0.0 for index in range(table.shape[1])}
    return revealing_pairs(table, targets, alone, {}, [f"k{label}" for label in range(classes)])


def test_an_exclusive_or_that_tells_one_class_of_three_is_worth_a_look(random: np.random.Generator) -> None:
    labels, first = random.integers(0, 3, N), random.integers(0, 2, N)
    second = first ^ (labels == 1)
    whole, notes = pairs_of(*random.normal(size=(3, N)), first, second, targets=labels, classes=3)
    assert whole == {}
    assert len(notes) == 1
    assert "of columns c3 and c4 predicts whether the class is 'k1', which neither does alone" in notes[0]
    _, none = pairs_of(random.normal(size=N), labels == 1, first, targets=labels, classes=3)
    assert none == []


def test_a_difference_a_ratio_and_an_exclusive_or_are_found(random: np.random.Generator) -> None:
    labels, noise = random.integers(0, 3, N), random.normal(size=(N, 3))
    before = random.normal(size=N) * 10
    whole, _ = pairs_of(*noise.T, before, before + labels, targets=labels, classes=3)
    assert set(whole) == {"the difference of columns c3 and c4"}
    price = np.exp(random.normal(size=N))
    goal = random.normal(size=N) + 5
    whole, _ = pairs_of(*noise.T, price * goal, price, targets=goal, classes=0)
    assert set(whole) == {"the ratio of columns c3 and c4"}
    bit = random.integers(0, 2, N)
    whole, _ = pairs_of(*noise.T, bit, bit ^ (labels > 0), targets=(labels > 0).astype(int), classes=2)
    assert list(whole) == ["the combination of the values of columns c3 and c4"]


def test_columns_without_a_common_secret_are_no_pair(random: np.random.Generator) -> None:
    table = random.normal(size=(N, 30))
    labels = (table[:, 0] + table[:, 1] + random.normal(size=N) > 0).astype(int)
    assert pairs_of(*table.T, targets=labels, classes=2) == ({}, [])
    assert pairs_of(*table[:50].T, targets=labels[:50], classes=2) == ({}, [])


@pytest.mark.parametrize("classes", [0, 2, 3])
@pytest.mark.parametrize("weight", [0.0, 4.0])
def test_a_mean_of_targets_is_recognised(random: np.random.Generator, classes: int, weight: float) -> None:
    targets = random.integers(0, classes, N) if classes else random.normal(size=N)
    category = random.integers(0, N // 3, N)
    sums, counts = np.bincount(category, targets), np.bincount(category)
    means = ((sums + weight * targets.mean()) / np.maximum(1, counts + weight))[category]
    score = targets + random.normal(size=N)
    table = np.stack([score, means, category % 7], axis=1).astype(np.float32)
    found = target_encoded(table, targets, dict(enumerate("abc")), classes)
    assert found == (("b",) if weight == 0 or not classes else ())  # a smoothed one of classes is not told


def test_a_mean_over_rows_that_are_elsewhere_is_recognised(random: np.random.Generator) -> None:
    targets, category = random.integers(0, 3, 2 * N), random.integers(0, N, 2 * N)
    means = (np.bincount(category, targets) / np.maximum(1, np.bincount(category)))[category]
    table = means[:N, None].astype(np.float32)
    assert target_encoded(table, targets[:N], {0: "place"}, 3) == ("place",)


def test_a_score_of_another_model_is_no_mean(random: np.random.Generator) -> None:
    chance = np.round(random.uniform(0.05, 0.95, N), 1)
    targets = (random.random(N) < chance).astype(int)
    assert target_encoded(chance[:, None].astype(np.float32), targets, {0: "score"}, 2) == ()


def test_exchanged_labels_are_found_and_overlapping_classes_are_not(random: np.random.Generator) -> None:
    labels = random.integers(0, 3, N)
    table = random.normal(size=(N, 5)) + 4 * np.eye(3, 5)[labels]
    wrong = random.permutation(N)[:50]
    given = labels.copy()
    given[wrong] = (labels[wrong] + 1) % 3
    found = mislabelled_rows(table, given)
    assert found.examined == N
    assert len(np.intersect1d(found.rows, wrong)) > 0.8 * len(found.rows) > 30
    assert not len(mislabelled_rows(table, labels).rows)
    overlapping = random.normal(size=(N, 5)) + 1.5 * np.eye(3, 5)[labels]
    assert not len(mislabelled_rows(overlapping, labels).rows)
    assert not len(mislabelled_rows(table[:50], given[:50]).rows)
