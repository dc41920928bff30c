from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tests.trainables.augmentation.cases import bytes_like, part, seeded
from trainables.augmentation.erasing import IMAGENET


def blanked(mask: np.ndarray) -> tuple[int, int]:
    """Height and width of the one rectangle that is blank."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    assert mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
    return len(rows), len(columns)


def test_cutout() -> None:
    images = bytes_like(300, (1, 12, 12)).clamp(min=0.1)
    ours = part("cutout", (1, 12, 12), size=0.5)(images, seeded())
    sizes = {blanked((image[0] == 0).numpy()) for image in ours}
    assert (6, 6) in sizes
    assert {height for height, _ in sizes} == {3, 4, 5, 6}
    assert ((ours == images) | (ours == 0)).all()
    mean = part("cutout", (1, 12, 12), size=1.0, fill="mean")(images[:4], seeded())
    changed = mean != images[:4]
    for i in range(4):
        assert mean[i][changed[i]].unique().item() == pytest.approx(images[i].mean().item(), abs=1e-6)


def test_random_erasing() -> None:
    shape = (3, 20, 20)
    images = bytes_like(400, shape).clamp(min=0.1)
    ours = part("random_erasing", shape, p=0.5, fill="zero")(images, seeded())
    erased = (ours == 0).all(1)
    touched = erased.flatten(1).any(1)
    assert 150 < touched.sum() < 250
    for mask in erased[touched].numpy():
        height, width = blanked(mask)
        assert 0.02 * 400 - 6 <= height * width <= 0.33 * 400 + 20
        assert 1 / 3.3 - 0.15 <= height / width <= 3.3 + 0.9
    noise = part("random_erasing", shape, p=1.0)(images, seeded())
    assert noise[(noise != images)].std() == pytest.approx(1 / math.sqrt(12), abs=0.02)


def test_normal_noise_is_standard_after_imagenet_preprocessing() -> None:
    erased = part("random_erasing", (3, 32, 32), p=1.0, fill="normal")(torch.zeros(64, 3, 32, 32), seeded())
    mean, std = (torch.tensor(values) for values in IMAGENET)
    for channel in range(3):
        noise = erased[:, channel][erased[:, channel] != 0]
        scaled = (noise - mean[channel]) / std[channel]
        assert scaled.mean().item() == pytest.approx(0, abs=0.03)
        assert scaled.std().item() == pytest.approx(1, abs=0.03)
