from __future__ import annotations

import pytest
import torch

from tests.trainables.augmentation.cases import SHAPES, resolve
from trainables import augmentation
from trainables.augmentation.repeating import repeat_batches


def batches(n: int, size: int, repeats: int) -> list[list[int]]:
    return [batch.tolist() for batch in repeat_batches(torch.arange(n), size, repeats)]


def test_without_repeats_the_epoch_is_unchanged() -> None:
    assert batches(7, 3, 1) == [[0, 1, 2], [3, 4, 5], [6]]


def test_repeats_of_a_worked_example() -> None:
    assert batches(8, 4, 2) == [[0, 0, 1, 1], [2, 2, 3, 3]]
    # Three do not divide four: the last image of a batch comes once.
    assert batches(8, 4, 3) == [[0, 0, 0, 1], [2, 2, 2, 3]]


@pytest.mark.parametrize(("n", "size", "repeats"), [(100, 16, 3), (101, 10, 4), (5, 8, 2), (64, 64, 16)])
def test_batches_keep_their_number_and_sizes(n: int, size: int, repeats: int) -> None:
    plain, repeated = batches(n, size, 1), batches(n, size, repeats)
    assert [len(batch) for batch in plain] == [len(batch) for batch in repeated]
    for batch in repeated:
        counts = [batch.count(row) for row in dict.fromkeys(batch)]
        assert set(counts[:-1]) <= {repeats}
        assert counts[-1] <= repeats
    flat = [row for batch in repeated for row in dict.fromkeys(batch)]
    assert len(flat) == len(set(flat))


def test_repeated_augmentation() -> None:
    assert augmentation.repeats(resolve(repeated_augmentation={"repeats": 4})) == 4
    assert augmentation.repeats(resolve(strength=0, repeated_augmentation=True)) == 1
    assert augmentation.repeats(resolve()) == 1
    assert augmentation.build(resolve(repeated_augmentation=True), SHAPES[0], 5) is None
