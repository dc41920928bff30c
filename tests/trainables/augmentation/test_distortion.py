from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from tests.trainables.augmentation.cases import SHAPES, bytes_like, part, seeded
from trainables.augmentation.geometry import Geometry


def distorted_by_scipy(images: Tensor, displacement: Tensor) -> Tensor:
    _, channels, height, width = images.shape
    y, x = np.mgrid[:height, :width]
    out = np.empty(images.shape)
    for i, (dx, dy) in enumerate(displacement.double().numpy()):
        for c in range(channels):
            image = images[i, c].numpy().astype(np.float64)
            out[i, c] = ndimage.map_coordinates(image, [y + dy, x + dx], order=1, mode="grid-constant")
    return torch.from_numpy(out).float()


def test_elastic_distortion() -> None:
    for shape in SHAPES:
        images = bytes_like(5, shape)
        built = part("elastic_distortion", shape, alpha=20.0, sigma=2.5)
        noise = torch.rand(5, 2, *shape[1:], generator=seeded()) * 2 - 1
        smooth = ndimage.gaussian_filter(noise.double().numpy(), (0, 0, 2.5, 2.5), mode="reflect") * 20
        displacement = built.displacement(5, seeded())
        np.testing.assert_allclose(displacement.numpy(), smooth, atol=1e-4)
        ours = Geometry(shape, (), (built,))(images, seeded())
        torch.testing.assert_close(ours, distorted_by_scipy(images, displacement), atol=2e-4, rtol=0)


def test_lens_distortion() -> None:
    shape = (1, 11, 11)
    images = bytes_like(5, shape)
    built = part("lens_distortion", shape, k=0.3)
    displacement = built.displacement(5, seeded())
    k = torch.rand(5, generator=seeded()) * 0.6 - 0.3
    assert (displacement[:, :, 5, 5] == 0).all()
    # The corner pixel is at (5, 5) from the centre and r² = 50 / 60.5 of the corner's own.
    torch.testing.assert_close(displacement[:, 0, 10, 10], k * 5 * 50 / 60.5)
    torch.testing.assert_close(displacement[:, 1, 0, 5], k * -5 * 25 / 60.5)
    ours = Geometry(shape, (), (built,))(images, seeded())
    torch.testing.assert_close(ours, distorted_by_scipy(images, displacement), atol=2e-4, rtol=0)
