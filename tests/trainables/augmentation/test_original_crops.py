"""Crops of images as they are stored, compared with torchvision's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from hpo.core.trainable import DataInfo, Examples
from tests.trainables.augmentation.cases import resolve, seeded
from tests.trainables.recorder import train
from trainables import augmentation, torchvision_ops  # noqa: F401  declares what a CPU build lacks
from trainables.augmentation.original_crops import crop_and_resize
from trainables.augmentation.views import View
from trainables.registry import IMAGE_CLASSIFIER

from torchvision.transforms import InterpolationMode  # isort: skip
from torchvision.transforms.v2 import functional as vision  # isort: skip

IMAGES = torch.rand(4, 3, 60, 80, generator=torch.Generator().manual_seed(0))
BOXES = [(0, 0, 80, 60), (3, 7, 40, 50), (50, 20, 30, 40), (11, 13, 9, 10)]


MODES = {"bilinear": InterpolationMode.BILINEAR, "bicubic": InterpolationMode.BICUBIC}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", [(24, 24), (16, 20), (90, 90)])
def test_a_crop_agrees_with_torchvision(size: tuple[int, int], mode: str) -> None:
    boxes = tuple(torch.tensor(edges, dtype=torch.float32) for edges in zip(*BOXES, strict=True))
    ours = crop_and_resize(IMAGES, boxes, size, mode == "bicubic")  # type: ignore[arg-type]
    for image, out, (left, top, width, height) in zip(IMAGES, ours, BOXES, strict=True):
        theirs = vision.resized_crop(image, top, left, height, width, list(size), MODES[mode], antialias=True)
        torch.testing.assert_close(out, theirs.clamp(0, 1), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("mode", "pixels"), [("bilinear", 300), ("bicubic", 300), ("bicubic", 100)])
@pytest.mark.parametrize(("ratio", "whole"), [(0.875, 256), (0.95, 236)])
def test_a_central_view_is_resize_and_center_crop(ratio: float, whole: int, pixels: int, mode: str) -> None:
    images = torch.rand(1, 3, pixels, pixels, generator=torch.Generator().manual_seed(0))
    whole_image = vision.resize(images, [whole], MODES[mode], antialias=True).clamp(0, 1)
    theirs, bicubic = vision.center_crop(whole_image, [224]), mode == "bicubic"
    ours = View(ratio).of_original(images, (224, 224), bicubic)
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)
    mirrored = View(ratio, mirrored=True).of_original(images, (224, 224), bicubic)
    torch.testing.assert_close(mirrored, theirs.flip(3), atol=1e-5, rtol=0)


def sharpness(images: Tensor) -> float:
    return (images[..., 1:] - images[..., :-1]).abs().mean().item()


def test_small_crops_of_large_images_keep_their_detail() -> None:
    stored, shape = (3, 128, 128), (3, 16, 16)
    images = torch.rand(16, *stored, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(16, dtype=torch.int64)
    choices = {"random_resized_crop": {"scale": 0.02}, "horizontal_flip": True}
    cut = augmentation.build(resolve(**choices), shape, 2, stored)
    assert cut is not None
    assert cut.takes_stored
    crops, _ = cut(images, labels, seeded())
    assert crops.shape == (16, *shape)
    thumbnails = augmentation.build(resolve(**choices, original_pixels=False), shape, 2, stored)
    assert thumbnails is not None
    assert not thumbnails.takes_stored
    small = vision.resize(images, [16], antialias=True)
    assert sharpness(crops) > 3 * sharpness(thumbnails(small, labels, seeded())[0])


def test_images_in_the_right_size_are_augmented_as_before() -> None:
    images, labels = IMAGES, torch.zeros(4, dtype=torch.int64)
    shape = (3, 60, 80)
    outputs = []
    for choices in ({}, {"original_pixels": False}):
        change = augmentation.build(resolve(random_resized_crop=True, **choices), shape, 2, shape)
        assert change is not None
        assert not change.takes_stored
        outputs.append(change(images, labels, seeded())[0])
    assert torch.equal(*outputs)


def test_large_images_train_and_predict_at_a_smaller_size(digits: tuple[Examples, Examples]) -> None:
    large = np.repeat(np.repeat(digits[0].inputs, 3, 1), 3, 2)
    info = DataInfo("image", "classification", (24, 24, 1), digits[0].info.classes)
    parts = tuple(replace(part, inputs=large, info=info) for part in digits)
    choices = {
        "model": {"name": "cnn", "channels": 8},
        "image_size": 12,
        "augment": {"random_resized_crop": {"scale": 0.5}, "rotation": True},
        "test_augment": {"center_crop": True},
        "learning_rate": 0.01,
    }
    report = train(choices, parts, 4).reports[-1]
    assert report["validation/accuracy"] > 0.6


def test_recipes_on_record_crop_resized_images() -> None:
    before = IMAGE_CLASSIFIER.grammar.before().resolve({"augment": {"random_resized_crop": True}})
    assert "original_pixels" not in before["augment"]
    assert before["test_augment"] == {}
    change = augmentation.build(before["augment"], (3, 8, 8), 2, (3, 60, 80))
    assert change is not None
    assert not change.takes_stored


@pytest.mark.parametrize("position", [(0.0, 0.0), (-0.5, -0.5), (0.5, 0.5)])
def test_a_view_of_an_enlarged_image_equals_a_crop_of_it(position: tuple[float, float]) -> None:
    whole = torch.nn.functional.interpolate(IMAGES, (240, 320), mode="bilinear", antialias=True)
    top, left = (
        round((n - m) * (p + 0.5)) for n, m, p in zip((240, 320), (60, 80), position[::-1], strict=True)
    )
    view = View(0.25, position).of_original(IMAGES, (60, 80))
    torch.testing.assert_close(view, whole[:, :, top : top + 60, left : left + 80], atol=1e-5, rtol=0)


def test_a_tiny_view_does_not_hold_the_whole_enlarged_image() -> None:
    # Enlarged as a whole, these images would take 9 TB.
    assert View(1e-4).of_original(IMAGES, (60, 80)).shape == (4, 3, 60, 80)
