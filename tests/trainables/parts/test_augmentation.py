"""Checks of every row of the augmentation tables.

Each row also has a test of its numbers, ``test_<name>``, beside the code that builds it; a row
without one fails here.
"""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from hpo.core.errors import UserError
from tests.trainables.augmentation.cases import CLASSES, SHAPES, bytes_like, resolve, same_image, seeded
from trainables import augmentation
from trainables.parts.augmentation import AUGMENT
from trainables.parts.views import TEST_AUGMENT

LABEL_MIXERS = {"mixup", "cutmix"}
IMAGE_PARTS = [name for name in AUGMENT.names if name not in ("repeated_augmentation", "mimo")]
CERTAIN = {"horizontal_flip": {"p": 0.5}, "random_erasing": {"p": 1.0}}


def run(
    name: str, shape: tuple[int, int, int], seed: int = 0, strength: float = 1.0
) -> tuple[Tensor, Tensor]:
    augmenter = augmentation.build(
        resolve(strength=strength, **{name: CERTAIN.get(name, {})}), shape, CLASSES
    )
    assert augmenter is not None
    return augmenter(
        same_image(48, shape) if name not in MIXERS else bytes_like(48, shape), LABELS, seeded(seed)
    )


MIXERS = {"mixup", "cutmix", "in_class_mixing"}
LABELS = torch.arange(48) % CLASSES


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", IMAGE_PARTS)
def test_images_stay_images_and_labels_stay_labels(name: str, shape: tuple[int, int, int]) -> None:
    before = bytes_like(48, shape)
    augmenter = augmentation.build(resolve(**{name: True}), shape, CLASSES)
    assert augmenter is not None
    kept = before.clone()
    images, targets = augmenter(before, LABELS, seeded())
    assert torch.equal(before, kept)
    assert images.shape == before.shape
    assert images.dtype == torch.float32
    assert images.min() >= 0
    assert images.max() <= 1
    if name in LABEL_MIXERS:
        assert targets.shape == (48, CLASSES)
        torch.testing.assert_close(targets.sum(1), torch.ones(48))
    else:
        assert torch.equal(targets, LABELS)


@pytest.mark.parametrize("name", IMAGE_PARTS)
def test_a_seed_determines_the_result_and_the_global_state_is_unchanged(name: str) -> None:
    state = torch.get_rng_state()
    first, second, other = run(name, SHAPES[1], 3), run(name, SHAPES[1], 3), run(name, SHAPES[1], 4)
    assert torch.equal(first[0], second[0])
    assert torch.equal(first[1], second[1])
    assert not torch.equal(first[0], other[0])
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("name", sorted(set(IMAGE_PARTS) - MIXERS))
def test_equal_images_of_a_batch_are_changed_differently(name: str) -> None:
    images, _ = run(name, SHAPES[1])
    distinct = len(images.flatten(1).unique(dim=0))
    assert distinct == 2 if name == "horizontal_flip" else distinct >= 10


@pytest.mark.parametrize("name", AUGMENT.names)
def test_strength_zero_changes_nothing_exactly(name: str) -> None:
    assert augmentation.build(resolve(strength=0, **{name: True}), SHAPES[1], CLASSES) is None
    assert augmentation.repeats(resolve(strength=0, **{name: True})) == 1
    assert augmentation.heads(resolve(strength=0, **{name: True})) == 1


@pytest.mark.parametrize("name", IMAGE_PARTS)
def test_the_effect_vanishes_smoothly_with_strength(name: str) -> None:
    shape = SHAPES[1]
    augmenter = augmentation.build(resolve(strength=1e-4, **{name: True}), shape, CLASSES)
    assert augmenter is not None
    images = bytes_like(48, shape)
    out, targets = augmenter(images, LABELS, seeded())
    assert (out - images).abs().mean() < 1e-3
    if name in LABEL_MIXERS:
        assert (targets.argmax(1) == LABELS).float().mean() > 0.95


def test_without_parts_nothing_is_built() -> None:
    assert augmentation.build(resolve(), SHAPES[1], CLASSES) is None


def test_all_parts_can_be_combined() -> None:
    for shape in SHAPES:
        augmenter = augmentation.build(resolve(**dict.fromkeys(AUGMENT.names, True)), shape, CLASSES)
        assert augmenter is not None
        images, targets = augmenter(bytes_like(48, shape), LABELS, seeded())
        assert images.isfinite().all()
        assert targets.shape == (48, CLASSES)


def test_batches_that_are_augmented_together_mix_only_within_themselves() -> None:
    for shape in SHAPES:
        images, labels = torch.stack([torch.full(shape, i / 10) for i in range(10)]), torch.arange(10)
        augmenter = augmentation.build(resolve(mixup={"alpha": 1.0}, horizontal_flip=True), shape, 10)
        assert augmenter is not None
        first, second = augmenter.several(images, labels, [6, 4], seeded())
        for (batch, targets), rows in ((first, slice(0, 6)), (second, slice(6, 10))):
            assert batch.shape == (rows.stop - rows.start, *shape)
            torch.testing.assert_close(targets[:, rows].sum(1), torch.ones(len(batch)))
            torch.testing.assert_close(batch[:, 0, 0, 0], targets @ images[:, 0, 0, 0])


def test_colour_parts_refuse_other_channel_counts() -> None:
    with pytest.raises(UserError, match=r"augment\.rand_augment: images have 4 channels"):
        augmentation.build(resolve(rand_augment=True), (4, 8, 8), CLASSES)
    assert augmentation.build(resolve(horizontal_flip=True), (4, 8, 8), CLASSES) is not None


def test_reading_the_tables_needs_no_torch() -> None:
    code = "import sys, trainables.parts.augmentation; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("row", AUGMENT.parts, ids=lambda row: row.name)
def test_every_row_has_a_test_of_its_numbers(row) -> None:
    module = row.builder.partition(":")[0].rpartition(".")[2]
    tests = importlib.import_module(f"tests.trainables.augmentation.test_{module}")
    assert callable(getattr(tests, f"test_{row.name}"))


def test_every_row_is_documented() -> None:
    for group in (AUGMENT, TEST_AUGMENT):
        for row in group.parts:
            assert row.doc
            assert row.source
            assert callable(row.load())
            assert all(hyperparameter.doc for hyperparameter in row.hyperparameters)
            assert all(
                hyperparameter.complaint(hyperparameter.default) is None
                for hyperparameter in row.hyperparameters
            )
