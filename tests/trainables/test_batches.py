from __future__ import annotations

import pytest
import torch

from trainables.batches import Batches, merge_batches


@pytest.mark.parametrize(
    ("examples", "size", "repeats"), [(10, 3, 1), (9, 3, 1), (10, 4, 3), (5, 8, 1), (1, 1, 1)]
)
def test_an_epoch_has_the_stated_number_of_batches(examples: int, size: int, repeats: int) -> None:
    batches = Batches(examples, size, repeats)
    assert len(list(batches.shuffled(torch.Generator()))) == len(batches)


def test_every_example_once() -> None:
    rows = torch.cat(list(Batches(11, 4).shuffled(torch.Generator())))
    assert rows.sort().values.tolist() == list(range(11))


def test_no_batch_has_a_single_example() -> None:
    assert [len(rows) for rows in Batches(9, 4).shuffled(torch.Generator())] == [4, 4]


def test_the_generator_decides() -> None:
    first, again = (list(Batches(6, 6).shuffled(torch.Generator().manual_seed(1))) for _ in range(2))
    assert torch.equal(first[0], again[0])


@pytest.mark.parametrize(("most", "sizes"), [(1, [4, 4, 2]), (7, [4, 6]), (8, [8, 2]), (99, [10])])
def test_batches_are_merged_up_to_the_limit(most: int, sizes: list[int]) -> None:
    batches = torch.arange(10).split(4)
    groups = list(merge_batches(batches, most))
    assert [sum(map(len, group)) for group in groups] == sizes
    assert [batch.tolist() for group in groups for batch in group] == [each.tolist() for each in batches]


def test_balanced_batches_draw_every_class_equally_often_and_use_each_row_in_turn() -> None:
    labels = torch.tensor([0] * 90 + [1] * 8 + [2] * 2)
    batches, generator = Batches(100, 10, labels=labels), torch.Generator().manual_seed(3)
    seen = torch.zeros(100)
    for _ in range(30):
        rows = torch.cat(list(batches.shuffled(generator)))
        assert len(rows) == 100
        assert sorted(torch.bincount(labels[rows]).tolist()) == [33, 33, 34]
        counts = torch.bincount(rows, minlength=100)
        for label in range(3):  # no row twice more often than another of its class
            of_class = counts[labels == label]
            assert of_class.max() - of_class.min() <= 1
        seen += counts
    assert seen[labels == 0].min() > 0
    # The same shares as torch's own sampler has in expectation.
    weights = (1 / torch.bincount(labels))[labels]
    torch_sampler = torch.utils.data.WeightedRandomSampler(weights.tolist(), 30_000, generator=generator)
    expected = torch.bincount(labels[torch.tensor(list(torch_sampler))]) / 30_000
    torch.testing.assert_close(
        torch.tensor([float(seen[labels == label].sum()) for label in range(3)]) / 3000,
        expected,
        atol=0.015,
        rtol=0,
    )


def test_balanced_batches_of_classes_that_do_not_all_occur() -> None:
    labels = torch.tensor([5, 5, 5, 9])
    rows = torch.cat(list(Batches(4, 4, labels=labels).shuffled(torch.Generator())))
    assert torch.bincount(labels[rows], minlength=10)[[5, 9]].tolist() == [2, 2]
