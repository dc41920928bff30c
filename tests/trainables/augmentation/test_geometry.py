from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from tests.trainables.augmentation.cases import SHAPES, bytes_like, part, same_image, seeded
from trainables import torchvision_ops  # noqa: F401
from trainables.augmentation.geometry import Geometry

from torchvision.transforms.v2 import InterpolationMode  # isort: skip
from torchvision.transforms.v2 import functional as vision  # isort: skip


def by_scipy(images: Tensor, matrices: Tensor, mode: str) -> Tensor:
    """Resampling of each image by its matrix, as scipy does it."""
    _, channels, height, width = images.shape
    centre = np.array([(height - 1) / 2, (width - 1) / 2])
    out = np.empty(images.shape)
    for i, matrix in enumerate(matrices.double().numpy()):
        rows_columns = matrix[[1, 0]][:, [1, 0]]
        offset = centre + matrix[[1, 0], 2] - rows_columns @ centre
        for c in range(channels):
            out[i, c] = ndimage.affine_transform(
                images[i, c].numpy().astype(np.float64), rows_columns, offset, order=1, mode=mode
            )
    return torch.from_numpy(out).float()


def placement_reference(name: str, mode: str, legal: Callable[[Tensor], bool], **settings: object) -> None:
    for shape in SHAPES:
        images = bytes_like(8, shape)
        built = part(name, shape, **settings)
        matrices = built.matrices(8, seeded())
        assert legal(matrices)
        ours = Geometry(shape, (built,))(images, seeded())
        torch.testing.assert_close(ours, by_scipy(images, matrices, mode), atol=2e-4, rtol=0)


def test_horizontal_flip() -> None:
    for shape in SHAPES:
        images = bytes_like(64, shape)
        flipped = vision.horizontal_flip(images)
        all_of_them = Geometry(shape, (part("horizontal_flip", shape, p=1.0),))(images, seeded())
        assert torch.equal(all_of_them, flipped)
        some = Geometry(shape, (part("horizontal_flip", shape),))(images, seeded())
        mirrored = (some == flipped).flatten(1).all(1)
        assert ((some == images).flatten(1).all(1) | mirrored).all()
        assert 16 < mirrored.sum() < 48


def test_random_crop() -> None:
    for shape in SHAPES:
        for border, mode in (("zeros", "constant"), ("border", "edge"), ("reflection", "symmetric")):
            image = same_image(200, shape)
            crops = Geometry(shape, (part("random_crop", shape, padding=2, border=border),))(image, seeded())
            padded = torch.from_numpy(np.pad(image[0].numpy(), ((0, 0), (2, 2), (2, 2)), mode=mode))
            windows = [padded[:, y : y + shape[1], x : x + shape[2]] for y in range(5) for x in range(5)]
            found = torch.stack([(crops == window).flatten(1).all(1) for window in windows])
            assert (found.sum(0) == 1).all()
            assert found.any(1).all()


def test_random_resized_crop() -> None:
    def legal(matrices: Tensor) -> bool:
        across, down = matrices[:, 0, 0], matrices[:, 1, 1]
        area = across * down
        return bool((area >= 0.2 - 1e-6).all() and (across <= 1).all() and (down <= 1).all())

    placement_reference("random_resized_crop", "nearest", legal, scale=0.2)
    built = part("random_resized_crop", (1, 10, 10), scale=0.1)
    matrices = built.matrices(4000, seeded())
    across, down = matrices[:, 0, 0], matrices[:, 1, 1]
    assert (across / down).log().abs().max() <= math.log(4 / 3) + 1e-5
    assert (across * down).min() < 0.12
    assert (matrices[:, 0, 2].abs() <= 5 * (1 - across) + 1e-5).all()


def test_scale_jitter() -> None:
    def legal(matrices: Tensor) -> bool:
        zoom = 1 / matrices[:, 0, 0]
        return bool((zoom >= 256 / 224 - 1e-4).all() and (zoom <= 480 / 224 + 1e-4).all())

    placement_reference("scale_jitter", "nearest", legal)
    turned = part("scale_jitter", (1, 8, 8), shortest=480, longest=256).matrices(8, seeded())
    assert torch.equal(turned, part("scale_jitter", (1, 8, 8)).matrices(8, seeded()))


def test_rotation() -> None:
    placement_reference(
        "rotation", "grid-constant", lambda m: bool((m[:, 0, 0] >= math.cos(0.7)).all()), degrees=40
    )
    shape = SHAPES[1]
    images = bytes_like(6, shape)
    built = part("rotation", shape, degrees=90)
    ours = Geometry(shape, (built,))(images, seeded())
    matrices = built.matrices(6, seeded())
    for image, out, matrix in zip(images, ours, matrices, strict=True):
        angle = math.degrees(math.atan2(matrix[1, 0], matrix[0, 0]))
        theirs = vision.rotate(image, angle, interpolation=InterpolationMode.BILINEAR)
        torch.testing.assert_close(out, theirs, atol=1e-4, rtol=0)


def test_translation() -> None:
    placement_reference(
        "translation", "grid-constant", lambda m: bool((m[:, :2, 2].abs() <= 3.2).all()), share=0.2
    )


def test_stretch() -> None:
    def legal(m: Tensor) -> bool:
        factors = m[:, (0, 1), (0, 1)]
        return bool(((factors <= 1.5) & (factors >= 1 / 1.5) & (m[:, (0, 1), (1, 0)] == 0)).all())

    placement_reference("stretch", "grid-constant", legal, factor=1.5)


def test_shear() -> None:
    def legal(m: Tensor) -> bool:
        return bool((m[:, (0, 1), (1, 0)].abs() <= math.tan(math.radians(20)) + 1e-6).all())

    placement_reference("shear", "grid-constant", legal, degrees=20)
