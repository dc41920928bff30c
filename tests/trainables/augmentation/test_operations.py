from __future__ import annotations

import pytest
import torch
from torch import Tensor

from trainables import torchvision_ops  # noqa: F401
from trainables.augmentation.operations import NAMES, apply, standard_ranges, wide_ranges

from torchvision.transforms.v2 import InterpolationMode  # isort: skip
from torchvision.transforms.v2 import functional as vision  # isort: skip

BILINEAR = {"interpolation": InterpolationMode.BILINEAR}


def affine(image: Tensor, shear: tuple[float, float] = (0, 0), shift: tuple[int, int] = (0, 0)) -> Tensor:
    degrees = torch.tensor(shear).atan().rad2deg().tolist()
    return vision.affine(image, 0.0, list(shift), 1.0, degrees, center=[0, 0], **BILINEAR)


THEIRS = {
    "identity": lambda image, value: image,
    "shear_x": lambda image, value: affine(image, shear=(value, 0)),
    "shear_y": lambda image, value: affine(image, shear=(0, value)),
    "translate_x": lambda image, value: affine(image, shift=(int(value), 0)),
    "translate_y": lambda image, value: affine(image, shift=(0, int(value))),
    "rotate": lambda image, value: vision.rotate(image, value, **BILINEAR),
    "brightness": vision.adjust_brightness,
    "saturation": vision.adjust_saturation,
    "contrast": vision.adjust_contrast,
    "sharpness": vision.adjust_sharpness,
    "posterize": lambda image, value: vision.posterize((image * 255).round().byte(), round(value)) / 255,
    "solarize": vision.solarize,
    "auto_contrast": lambda image, value: vision.autocontrast(image),
    "equalize": lambda image, value: vision.equalize(image),
    "invert": lambda image, value: vision.invert(image),
    "solarize_add": lambda image, value: torch.where(
        image < 127.5 / 255, (image + value).clamp(max=1), image
    ),
}
VALUES = {
    "shear_x": (-0.3, 0.0, 0.25),
    "shear_y": (-0.3, 0.0, 0.25),
    "translate_x": (-4.7, 0.0, 3.2),
    "translate_y": (-4.7, 0.0, 3.2),
    "rotate": (-30.0, 0.0, 77.0),
    "brightness": (0.1, 1.0, 1.9),
    "saturation": (0.1, 1.0, 1.9),
    "contrast": (0.1, 1.0, 1.9),
    "sharpness": (0.1, 1.0, 1.9),
    "posterize": (3.6, 8.0, 5.0),
    "solarize": (0.0, 1.0, 0.37),
    "solarize_add": (0.0, 0.43, 1.0),
}


def images(count: int, channels: int = 3) -> Tensor:
    generator = torch.Generator().manual_seed(5)
    return torch.randint(256, (count, channels, 13, 17), generator=generator) / 255


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", NAMES)
def test_each_operation_agrees_with_torchvision(name: str, channels: int) -> None:
    values = VALUES.get(name, (0.0, 0.0, 0.0))
    before = images(3, channels)
    after = apply(before, torch.full((1, 3), NAMES.index(name)), torch.tensor([values]))
    for image, out, value in zip(before, after, values, strict=True):
        torch.testing.assert_close(out, THEIRS[name](image, value), atol=1e-4, rtol=0)


def test_every_image_of_a_batch_gets_its_own_operation() -> None:
    before = images(60)
    chosen = torch.arange(60) % len(NAMES)
    values = torch.tensor([VALUES.get(NAMES[kind], (0, 0, 0))[i % 3] for i, kind in enumerate(chosen)])
    after = apply(before, chosen[None], values[None])
    for place, out in enumerate(after):
        row = slice(place, place + 1)
        alone = apply(before[row], chosen[None, row], values[None, row])
        # Resampling rounds differently beside other images.
        torch.testing.assert_close(out, alone[0], atol=2e-6, rtol=0)


def test_rounds_follow_each_other() -> None:
    before = images(60)
    chosen = torch.stack((torch.arange(60), torch.arange(60) // 4, torch.arange(60).flip(0))) % len(NAMES)
    values = torch.tensor([[VALUES.get(NAMES[kind], (0, 0, 0))[0] for kind in round] for round in chosen])
    one_by_one = before
    for kinds, measures in zip(chosen, values, strict=True):
        one_by_one = apply(one_by_one, kinds[None], measures[None])
    assert torch.equal(apply(before, chosen, values), one_by_one)


@pytest.mark.parametrize("ranges", [standard_ranges(20, 20), wide_ranges()])
def test_magnitude_zero_changes_nothing(ranges) -> None:
    before = images(len(NAMES))
    graded = torch.arange(12)
    generator = torch.Generator().manual_seed(0)
    kinds, values = ranges.draw(graded, torch.zeros(12), 1.0, generator)
    after = apply(before[:12], kinds[None], values[None])
    torch.testing.assert_close(after, before[:12], atol=1e-5, rtol=0)


def test_ranges_are_those_of_the_papers() -> None:
    ends = dict(zip(NAMES, standard_ranges(331, 662).end.tolist(), strict=True))
    expected = {"shear_x": 0.3, "translate_x": 300, "translate_y": 150, "rotate": 30, "contrast": 1.9}
    assert {name: ends[name] for name in expected} == pytest.approx(expected)
    ends = dict(zip(NAMES, wide_ranges().end.tolist(), strict=True))
    expected = {"shear_y": 0.99, "translate_x": 32, "rotate": 135, "sharpness": 1.99, "posterize": 2}
    assert {name: ends[name] for name in expected} == pytest.approx(expected)


def test_signs_are_drawn_only_for_signed_operations() -> None:
    generator = torch.Generator().manual_seed(0)
    chosen = torch.tensor([NAMES.index("rotate"), NAMES.index("posterize")]).repeat(50)
    _, values = standard_ranges(8, 8).draw(chosen, torch.ones(100), 0.5, generator)
    assert set(values[::2].tolist()) == {15.0, -15.0}
    assert set(values[1::2].tolist()) == {6.0}


def test_operations_without_magnitude_are_left_out_as_strength_falls() -> None:
    generator = torch.Generator().manual_seed(0)
    chosen = torch.full((2000,), NAMES.index("equalize"))
    kinds, _ = standard_ranges(8, 8).draw(chosen, torch.ones(2000), 0.25, generator)
    assert set(kinds.tolist()) == {0, NAMES.index("equalize")}
    assert (kinds > 0).float().mean() == pytest.approx(0.25, abs=0.03)
