from __future__ import annotations

import pytest
import torch

from trainables.batches import Batches, merge_batches


@pytest.mark.parametrize(
    ("examples", "size", "repeats"), [(10, 3, 1), (9, 3, 1), (10, 4, 3), (5, 8, 1), (1, 1, 1)]
)
def test_an_epoch_has_as_many_batches_as_it_says(examples: int, size: int, repeats: int) -> None:
    batches = Batches(examples, size, repeats)
    assert len(list(batches.shuffled(torch.Generator()))) == len(batches)


def test_every_example_once() -> None:
    rows = torch.cat(list(Batches(11, 4).shuffled(torch.Generator())))
    assert rows.sort().values.tolist() == list(range(11))


def test_no_example_is_alone_in_a_batch() -> None:
    assert [len(rows) for rows in Batches(9, 4).shuffled(torch.Generator())] == [4, 4]


def test_the_generator_decides() -> None:
    first, again = (list(Batches(6, 6).shuffled(torch.Generator().manual_seed(1))) for _ in range(2))
    assert torch.equal(first[0], again[0])


@pytest.mark.parametrize(("most", "sizes"), [(1, [4, 4, 2]), (7, [4, 6]), (8, [8, 2]), (99, [10])])
def test_batches_are_taken_together_as_far_as_they_go(most: int, sizes: list[int]) -> None:
    batches = torch.arange(10).split(4)
    groups = list(merge_batches(batches, most))
    assert [sum(map(len, group)) for group in groups] == sizes
    assert [batch.tolist() for group in groups for batch in group] == [each.tolist() for each in batches]
