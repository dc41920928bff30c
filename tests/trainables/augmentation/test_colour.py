from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.trainables.augmentation.cases import SHAPES, bytes_like, part, seeded
from trainables import augmentation, preprocessing, torchvision_ops  # noqa: F401
from trainables.augmentation import colour
from trainables.registry import IMAGE_CLASSIFIER

from torchvision.transforms.v2 import functional as vision  # isort: skip


def test_color_jitter() -> None:
    for shape in SHAPES:
        images = bytes_like(6, shape)
        ours = part("color_jitter", shape, saturation=0.3)(images, seeded())
        generator = seeded()
        drawn = [torch.rand(6, generator=generator) * 2 * reach + 1 - reach for reach in (0.4, 0.4, 0.3)]
        for i in range(6):
            theirs = vision.adjust_brightness(images[i], drawn[0][i].item())
            theirs = vision.adjust_contrast(theirs, drawn[1][i].item())
            theirs = vision.adjust_saturation(theirs, drawn[2][i].item())
            torch.testing.assert_close(ours[i], theirs, atol=1e-5, rtol=0)


def test_pca_lighting() -> None:
    images = torch.full((2, 3, 4, 4), 0.5)
    ours = part("pca_lighting", (3, 4, 4), std=0.1)(images, seeded())
    a = torch.randn(2, 3, generator=seeded())[0].tolist()
    # Red moves by 0.1 (a0 · 0.2175 · -0.5675 + a1 · 0.0188 · 0.7192 + a2 · 0.0045 · 0.4009).
    red = 0.5 - 0.0123431 * a[0] + 0.00135210 * a[1] + 0.000180405 * a[2]
    assert ours[0, 0].unique().item() == pytest.approx(red, abs=1e-6)
    grey = part("pca_lighting", (1, 4, 4), std=0.1)(torch.full((2, 1, 4, 4), 0.5), seeded())
    # The variance along grey: 0.2989, 0.587, 0.114 projected on the three axes.
    factor = 0.1 * (0.2175 * 0.577095**2 + 0.0188 * 0.133121**2 + 0.0045 * 0.310076**2)
    assert grey[0].unique().item() == pytest.approx(
        0.5 + factor * torch.randn(2, 1, generator=seeded())[0].item(), abs=1e-6
    )


def test_colour_operations_of_a_worked_example() -> None:
    image = torch.tensor([[[[0.2, 0.4], [0.6, 0.8]]]])
    half = torch.tensor([0.5])
    double = torch.tensor([2.0])
    assert colour.brightness(image, double).flatten().tolist() == pytest.approx([0.4, 0.8, 1, 1])
    # The mean is 0.5: halfway there, and twice as far away.
    assert colour.contrast(image, half).flatten().tolist() == pytest.approx([0.35, 0.45, 0.55, 0.65])
    assert colour.contrast(image, double).flatten().tolist() == pytest.approx([0, 0.3, 0.7, 1])
    assert torch.equal(colour.saturation(image, half), image)
    red = torch.tensor([1.0, 0.0, 0.0])[None, :, None, None]
    assert colour.grey(red).item() == pytest.approx(0.2989)
    assert colour.saturation(red, half).flatten().tolist() == pytest.approx([0.64945, 0.14945, 0.14945])
    # 51 = 0b00110011 and 204 = 0b11001100, of which two bits are kept.
    bits = colour.posterize(torch.tensor([51.0, 204.0]).view(1, 1, 1, 2) / 255, torch.tensor([2.0])) * 255
    assert bits.flatten().tolist() == pytest.approx([0, 192])
    assert colour.solarize(image, torch.tensor([0.6])).flatten().tolist() == pytest.approx(
        [0.2, 0.4, 0.4, 0.2]
    )
    spike = torch.zeros(1, 1, 3, 3)
    spike[0, 0, 1, 1] = 1
    assert colour.sharpness(spike, torch.zeros(1))[0, 0, 1, 1].item() == pytest.approx(5 / 13)
    assert torch.equal(colour.sharpness(image, double), image)


@pytest.mark.parametrize("change", [colour.brightness, colour.contrast, colour.saturation, colour.sharpness])
def test_blends_differentiate(change) -> None:
    small = (bytes_like(2, (3, 4, 4)).double() * 0.4 + 0.3).requires_grad_()
    factors = torch.tensor([0.9, 1.05], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(change, (small, factors))


def test_channels_are_stretched_and_equalized_independently() -> None:
    image = torch.tensor([[0.2, 0.4, 0.6, 0.6], [0.3, 0.3, 0.3, 0.3]]).view(1, 2, 2, 2)
    stretched = torch.tensor([[0, 0.5, 1, 1], [0.3, 0.3, 0.3, 0.3]]).view(1, 2, 2, 2)
    torch.testing.assert_close(colour.auto_contrast(image), stretched)
    # 510 of 512 values are not the brightest, two to a step; a value moves by the steps below it, and a half.
    wide = torch.tensor([0, 1, 2] + [3] * 507 + [255] * 2).view(1, 1, 2, 256) / 255
    expected = torch.tensor([0, 1, 1] + [2] * 507 + [255] * 2).view(1, 1, 2, 256) / 255
    torch.testing.assert_close(colour.equalize(wide), expected)
    for shape in SHAPES:
        images = bytes_like(4, shape)
        images[1], images[2] = 0.4, images[2] ** 3
        torch.testing.assert_close(colour.equalize(images), vision.equalize(images))
        torch.testing.assert_close(colour.auto_contrast(images), vision.autocontrast(images))


def test_pca_lighting_of_the_training_images() -> None:
    random = np.random.default_rng(0)
    spread = random.normal(size=(3, 3)) * 20
    pixels = (random.normal(size=(40, 6, 6, 3)) @ spread + 128).clip(0, 255).astype(np.uint8)
    rows = np.arange(0, 40, 2)
    colours = preprocessing.principal_colours(pixels, rows)
    covariance = np.cov(pixels[rows].reshape(-1, 3).T / 255, bias=True)
    values, vectors = np.linalg.eigh(covariance)
    for column, (value, vector) in enumerate(zip(values[::-1], vectors.T[::-1], strict=True)):
        theirs = value * vector * np.sign(vector[np.abs(vector).argmax()])
        np.testing.assert_allclose(colours[:, column], theirs, atol=1e-6)

    choice = IMAGE_CLASSIFIER.grammar.resolve({"augment": {"pca_lighting": {"colours": "training"}}})
    change = augmentation.build(choice["augment"], (3, 4, 4), 2, colours=lambda: colours)
    assert change is not None
    images, _ = change(torch.full((2, 3, 4, 4), 0.5), torch.zeros(2, dtype=torch.int64), seeded())
    shift = 0.1 * torch.randn(2, 3, generator=seeded()) @ colours.T
    torch.testing.assert_close(images[:, :, 0, 0] - 0.5, shift, atol=1e-6, rtol=1e-5)
