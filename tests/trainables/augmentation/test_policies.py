from __future__ import annotations

import random
import re
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor

from tests.trainables.augmentation.cases import SHAPES, part, same_image, seeded
from trainables import torchvision_ops  # noqa: F401
from trainables.augmentation.autoaugment_policies import POLICIES
from trainables.augmentation.operations import NAMES, apply
from trainables.augmentation.policies import _increasing_values

from timm.data.auto_augment import AugmentOp, AutoAugment  # isort: skip
from timm.data.auto_augment import auto_augment_policy_v0, rand_augment_transform  # isort: skip
from torchvision.transforms import v2  # isort: skip
from torchvision.transforms.v2 import functional as vision  # isort: skip

GREY = {"img_mean": (128, 128, 128), "interpolation": Image.Resampling.BILINEAR, "translate_pct": 0.45}


def theirs(image: Tensor, name: str, magnitude: float) -> Tensor:
    """One operation of a policy as torchvision does it.

    Posterize works on bytes, as everywhere outside torchvision's version for floats; thresholds of
    solarize go from 256 to 0 of 255, as in the papers, so that magnitude 0 changes nothing.
    """
    if name == "Posterize":
        return vision.posterize((image * 255).round().to(torch.uint8), int(magnitude)) / 255
    if name == "Solarize":
        magnitude *= 256 / 255
        if magnitude > 1:
            return image
    policy = v2.RandAugment(interpolation=v2.InterpolationMode.BILINEAR)
    return policy._apply_image_or_video_transform(
        image, name, magnitude, interpolation=policy.interpolation, fill=policy._fill
    )


def nearest_of(outputs: Tensor, candidates: list[Tensor]) -> Tensor:
    """Index of the candidate that equals each output.

    A few pixels may differ: equalizing a turned image amplifies rounding.
    """
    wrong = torch.stack([((outputs - each).abs() > 2e-4).flatten(1).float().mean(1) for each in candidates])
    assert wrong.amin(0).max() < 0.03
    return wrong.argmin(0)


def single_operations(
    space: dict[str, Any], shape: tuple[int, int, int], level: int, bins: int
) -> list[tuple[str, float]]:
    found = []
    for name, (magnitudes, signed) in space.items():
        values = magnitudes(bins, *shape[1:])
        magnitude = 0.0 if values is None else float(values[level])
        found += [(name, sign * magnitude) for sign in ((1, -1) if signed else (1,))]
    return found


def test_rand_augment() -> None:
    for shape in SHAPES:
        images = same_image(400, shape)
        ours = part("rand_augment", shape, operations=1, magnitude=9.0)(images, seeded())
        operations = single_operations(v2.RandAugment._AUGMENTATION_SPACE, shape, 27, 31)
        which = nearest_of(ours, [theirs(images[0], *operation) for operation in operations])
        assert len(which.unique()) >= 20 + 4 * (shape[0] == 3) - 2
        twice = part("rand_augment", shape, operations=2)(images, seeded())
        assert not torch.equal(twice, ours)


def test_trivial_augment() -> None:
    shape = SHAPES[1]
    images = same_image(200, shape)
    ours = part("trivial_augment", shape)(images, seeded())
    space = v2.TrivialAugmentWide._AUGMENTATION_SPACE
    operations = [each for level in range(31) for each in single_operations(space, shape, level, 31)]
    which = nearest_of(ours, [theirs(images[0], *operation) for operation in dict.fromkeys(operations)])
    assert len(which.unique()) > 50


@pytest.mark.parametrize("policy", ["imagenet", "cifar10", "svhn"])
def test_auto_augment(policy: str) -> None:
    shape = SHAPES[1]
    images = same_image(300, shape)
    ours = part("auto_augment", shape, policy=policy)(images, seeded())
    reference = v2.AutoAugment(v2.AutoAugmentPolicy(policy))

    def options(name: str, p: float, level: int | None) -> list[tuple[str, float]]:
        magnitudes, signed = reference._AUGMENTATION_SPACE[name]
        values = magnitudes(10, *shape[1:])
        magnitude = 0.0 if values is None else float(values[level])
        on = [(name, sign * magnitude) for sign in ((1, -1) if signed else (1,))] if p > 0 else []
        return on + ([("Identity", 0.0)] if p < 1 else [])

    pairs = [
        (first, second)
        for one, two in reference._policies
        for first in options(*one)
        for second in options(*two)
    ]
    outputs = [theirs(theirs(images[0], *first), *second) for first, second in dict.fromkeys(pairs)]
    assert len(nearest_of(ours, outputs).unique()) > 40


def patches(count: int) -> list[Image.Image]:
    """Patches of 32 x 32 pixels of a photograph."""
    photograph = load_sample_image("china.jpg")
    random = np.random.default_rng(0)
    corners = zip(random.integers(0, 395, count), random.integers(0, 608, count), strict=True)
    return [Image.fromarray(photograph[top : top + 32, left : left + 32]) for top, left in corners]


def as_tensor(images: list[Image.Image]) -> Tensor:
    return torch.from_numpy(np.stack([np.asarray(image) for image in images])).permute(0, 3, 1, 2) / 255


def test_rand_augment_increasing() -> None:
    for magnitude, spread in ((9, 0.0), (7, 0.5)):
        agrees_with_timm(magnitude, spread)


def agrees_with_timm(magnitude: int, spread: float) -> None:
    change = rand_augment_transform(f"rand-m{magnitude}-mstd{spread}-inc1", dict(GREY))
    settings = {"magnitude": float(magnitude), "magnitude_std": spread}
    moves_as_far(part("rand_augment_increasing", (3, 32, 32), **settings), change, (0.2, 0.35))


def test_the_policy_of_efficientnet_is_timms() -> None:
    theirs_all = auto_augment_policy_v0(dict(GREY))
    named = {"color": "saturation", "translate_y_rel": "translate_y"}
    spelled = [[re.sub(r"(?<!^)(?=[A-Z])", "_", op.name).lower() for op in pair] for pair in theirs_all]
    expected = tuple(
        tuple((named.get(name, name), op.prob, op.magnitude) for name, op in zip(names, pair, strict=True))
        for names, pair in zip(spelled, theirs_all, strict=True)
    )
    assert POLICIES["efficientnet"] == expected
    for op in (op for pair in theirs_all for op in pair if op.name == "Posterize" and op.magnitude < 2.5):
        op.magnitude = 2.5  # one bit is kept here
    ours = part("auto_augment", (3, 32, 32), policy="efficientnet")
    moves_as_far(ours, AutoAugment(theirs_all), (0.03, 0.25))


def moves_as_far(ours: Any, theirs_one: Any, usual: tuple[float, float]) -> None:
    """Compare how far pixels move, and how many images stay as they are."""
    random.seed(0)
    np.random.seed(0)
    images = patches(1500)
    before = as_tensor(images)
    theirs_after = as_tensor([theirs_one(image) for image in images])
    ours_after = ours(before, seeded())
    shifts, unchanged = [], []
    for after in (ours_after, theirs_after):
        shift = (after - before).abs().flatten(1).mean(1)
        shifts.append(shift.mean().item())
        unchanged.append((shift < 1e-3).float().mean().item())
    assert shifts[0] == pytest.approx(shifts[1], rel=0.06)
    assert unchanged[0] == pytest.approx(unchanged[1], abs=0.03)
    assert usual[0] < unchanged[0] < usual[1]


@pytest.mark.parametrize(
    "name", ["AutoContrast", "Equalize", "Invert", "PosterizeIncreasing", "SolarizeIncreasing", "SolarizeAdd"]
)
def test_byte_operations_agree_with_timm(name: str) -> None:
    ours = {"AutoContrast": "auto_contrast", "SolarizeAdd": "solarize_add"}.get(
        name, name.removesuffix("Increasing").lower()
    )
    images = patches(20)
    for magnitude in (3, 6, 9):
        there = as_tensor([AugmentOp(name, prob=1.0, magnitude=magnitude)(image) for image in images])
        chosen = torch.full((1, 20), NAMES.index(ours))
        values = _increasing_values(chosen, torch.full((1, 20), magnitude / 10), 32, 32)
        here = apply(as_tensor(images), chosen, values)
        wrong = ((here - there).abs() > 1.5 / 255).float().mean()
        assert wrong < 0.001, magnitude
