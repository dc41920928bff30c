from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from hpo.core.trainable import Examples
from trainables import images
from trainables.images import Images

CPU = torch.device("cpu")


def halved(x: torch.Tensor) -> torch.Tensor:
    return x / 2


def test_bytes_are_scaled_to_one_and_channels_come_first(digits: tuple[Examples, Examples]) -> None:
    part = digits[0]
    raw = Images(part, CPU, halved).raw(torch.tensor([3, 0]))
    expected = part.inputs[part.rows[[3, 0]]].transpose(0, 3, 1, 2) / np.float32(255)
    assert raw.shape == (2, 1, 8, 8)
    np.testing.assert_array_equal(raw.numpy(), expected)


@pytest.mark.parametrize("hold", [True, False])
def test_held_and_streamed_images_are_equal(hold: bool, digits: tuple[Examples, Examples]) -> None:
    built = Images(digits[0], CPU, halved, hold=hold)
    index = torch.tensor([5, 5, 1])
    assert torch.equal(built.prepared(index), built.raw(index) / 2)
    assert built.labels.tolist() == digits[0].targets[digits[0].rows].tolist()


def test_evaluation_batches_are_as_large_as_fit(
    digits: tuple[Examples, Examples], monkeypatch: pytest.MonkeyPatch
) -> None:
    built = Images(digits[0], CPU, halved)
    assert [len(index) for index in built.stretches()] == [300]
    monkeypatch.setattr(images, "EVALUATED_BYTES", 128 * 8 * 8 * 4)
    assert [len(index) for index in built.stretches()] == [128, 128, 44]


def test_the_shared_bytes_are_not_copied(digits: tuple[Examples, Examples]) -> None:
    inputs = digits[0].inputs.copy()
    built = Images(replace(digits[0], inputs=inputs), CPU, halved, hold=False)
    inputs[digits[0].rows[0]] = 255
    assert (built.raw(torch.tensor([0])) == 1).all()


def test_images_are_resized_within_range(digits: tuple[Examples, Examples]) -> None:
    raw = Images(digits[0], CPU, halved, size=20).raw(torch.arange(10))
    assert raw.shape == (10, 1, 20, 20)
    assert 0 <= raw.min() <= raw.max() <= 1
