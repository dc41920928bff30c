"""Batches of images that are kept in their own sizes: decoded, cropped and resized by threads."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.augmentation.geometry import Placement
from trainables.augmentation.varying_crops import draw_cuts
from trainables.augmentation.views import Views
from trainables.data.originals import Originals, ScaledBox


class PendingCrops:
    """Crops that threads are at work on.

    Args:
        crops: Uint8 [k, height, width, channels] of each image, k of each.
    """

    def __init__(self, crops: Sequence[Future[NDArray[np.uint8]]]):
        self._crops = crops

    def pixels(self) -> Tensor:
        """Wait, and return crops of all images, uint8 [k, b, height, width, channels]."""
        return torch.from_numpy(np.stack([crops.result() for crops in self._crops], axis=1))


class OriginalPixels:
    """The original images of one part, as crops of one size.

    Args:
        originals: Of the whole data set.
        size: Height and width of the crops.
        bicubic: Whether to interpolate by cubic polynomials, not linearly.
        threads: That decode.
    """

    def __init__(self, originals: Originals, size: tuple[int, int], bicubic: bool, threads: int):
        self._originals, self._size, self._bicubic, self._threads = originals, size, bicubic, threads

    def views(self, rows: NDArray[np.int64], views: Views) -> PendingCrops:
        """Begin to cut all views of some images."""
        sizes = self._originals.sizes(rows).tolist()
        return self._begin(rows, [[view.cut(stored, self._size) for view in views.views] for stored in sizes])

    def crops(self, rows: NDArray[np.int64], part: Placement, generator: torch.Generator) -> PendingCrops:
        """Begin to cut a random crop of each of some images."""
        sizes = torch.from_numpy(self._originals.sizes(rows))
        cuts = draw_cuts(part, sizes, self._size, generator)
        return self._begin(rows, [[cut] for cut in cuts])

    @functools.cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._threads)

    def _begin(self, rows: NDArray[np.int64], cuts: Sequence[Sequence[ScaledBox]]) -> PendingCrops:
        return PendingCrops(
            [
                self._pool.submit(self._originals.cuts, int(row), of_row, self._size, self._bicubic)
                for row, of_row in zip(rows, cuts, strict=True)
            ]
        )
