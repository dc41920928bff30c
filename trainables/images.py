"""Images of one part of a data set, as batches of floats on the training device.

The array of all examples is shared by the workers of a node and never copied as a whole. A small part
is held as prepared floats if nothing random happens between the bytes and the network; otherwise each
batch is read from the shared bytes, so that any number of images can be streamed.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hpo.core.trainable import Examples
from trainables.augmentation.original_crops import OriginalCrop
from trainables.augmentation.views import WHOLE, Views, resized
from trainables.gpu_memory import free_memory
from trainables.original_pixels import OriginalPixels, PendingCrops

HELD_BYTES = 256 << 20
"""Limit on the bytes of prepared floats that one training holds for one part."""

EVALUATED_BYTES = 1 << 20
"""Bytes of images in a batch that is only evaluated on a CPU.

The activations of so few images stay in the caches: a small convolutional network takes a third to a
quarter of the time that it takes for batches of thousands, and a tenth of the memory.
"""

EVALUATED_BYTES_ON_GPU = 64 << 20
"""The same on a GPU, which needs large batches."""

EVALUATED_IMAGES = 64
"""Minimum of images in such a batch, however large they are."""

AUGMENTED_BYTES = 4 << 20
"""Bytes of images that are augmented at once on a CPU.

Calling torch costs more than the work on a single batch of small images: augmenting so many 28 x 28
grey images at once takes half the time of batches of 128, and a fifth of that of batches of 32.
"""

AUGMENTED_BYTES_ON_GPU = 64 << 20
"""The same on a GPU."""


class Images:
    """The images and labels of one part.

    Args:
        examples: uint8 images [n, height, width, channels] with int64 labels.
        device: Of the batches. The bytes are moved there once if they fit twice.
        prepare: Applied to float images in [0, 1], [n, channels, height, width], before the network.
        size: Height and width to which images are resized first, in pixels; None keeps their size.
        hold: Whether prepared images are worth holding, as nothing random happens before ``prepare``.
        original: Whether pixels come from images in their own sizes, where the examples have them.
        bicubic: Whether images are resized by cubic polynomials, not linearly.
    """

    def __init__(
        self,
        examples: Examples,
        device: torch.device,
        prepare: Callable[[Tensor], Tensor],
        hold: bool = True,
        size: int | None = None,
        original: bool = True,
        bicubic: bool = False,
    ):
        self.device, self._bicubic = device, bicubic
        self._bytes = as_tensor(examples.inputs)
        self._rows = torch.as_tensor(examples.rows)
        self.originals: OriginalPixels | None = None
        if original and examples.originals is not None:
            height, width = examples.info.shape[:2] if size is None else (size, size)
            self.originals = OriginalPixels(
                examples.originals, (height, width), bicubic, torch.get_num_threads()
            )
        elif device.type == "cuda" and self._fits_on(device):
            self._bytes = self._bytes.index_select(0, self._rows).to(device)
            self._rows = torch.arange(len(self._rows), device=device)
        self.labels = torch.as_tensor(examples.targets[examples.rows]).to(device)
        self.prepare, self._size = prepare, size
        self._held: Tensor | None = None
        if hold and len(self) * self._image_bytes() <= HELD_BYTES:
            self._held = torch.cat([prepare(self.raw(index)) for index in self.stretches()])

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def index_device(self) -> torch.device:
        """Device on which rows are looked up; indices moved there once need not be moved for each use."""
        return self._rows.device

    def raw(self, index: Tensor) -> Tensor:
        """Return float images [b, channels, height, width] in [0, 1], resized and not prepared.

        Args:
            index: Of the images in the part [b], on any device.
        """
        if self.originals is not None:
            return next(self.viewed(WHOLE, index))
        images = self.stored(index)
        return images if self._size is None else resized(images, (self._size, self._size), self._bicubic)

    def stored(self, index: Tensor) -> Tensor:
        """Return float images [b, channels, height, width] in [0, 1] in the size in which they are stored."""
        rows = self._rows.index_select(0, index.to(self.index_device))
        return self.floats(self._bytes.index_select(0, rows))

    def viewed(self, views: Views, index: Tensor) -> Iterator[Tensor]:
        """Yield every view of images, each [b, channels, height, width] in [0, 1]."""
        if self.originals is None:
            yield from views(self.raw(index) if views.size is None else self.stored(index), self._bicubic)
            return
        pixels = self.originals.views(self._original_rows(index), views).pixels()
        for view, crops in zip(views.views, pixels, strict=True):
            yield self.floats(crops).flip(3) if view.mirrored else self.floats(crops)

    def begun(
        self, groups: Iterable[list[Tensor]], crop: OriginalCrop | None, generator: torch.Generator
    ) -> Iterator[tuple[list[Tensor], Callable[[], Tensor], bool]]:
        """Yield groups of batches, each with what returns its pixels and whether these are cropped already.

        Images in their own sizes are decoded by threads while the group before is trained on.

        Args:
            groups: The batches' indices.
            crop: What comes first in the augmentation, if it is a crop of stored images.
            generator: Source of the crops of images in their own sizes.
        """
        if self.originals is None:
            for group in groups:
                index = torch.cat(group).to(self.index_device)
                yield group, functools.partial(self.stored if crop else self.raw, index), False
            return
        ready = None
        for group in groups:
            rows = self._original_rows(torch.cat(group))
            pending = (
                self.originals.crops(rows, crop.part, generator)
                if crop
                else self.originals.views(rows, WHOLE)
            )
            if ready is not None:
                yield ready
            ready = group, functools.partial(self._decoded, pending), crop is not None
        if ready is not None:
            yield ready

    def _decoded(self, pending: PendingCrops) -> Tensor:
        return self.floats(pending.pixels()[0])

    def _original_rows(self, index: Tensor) -> NDArray[np.int64]:
        """Return the rows of the data set that images are in [b]."""
        return self._rows.index_select(0, index.cpu()).numpy()

    def floats(self, pixels: Tensor) -> Tensor:
        """Return floats [b, channels, height, width] in [0, 1] of bytes [b, height, width, channels]."""
        pixels = pixels.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        layout = torch.channels_last if self.device.type == "cuda" else torch.contiguous_format
        return pixels.to(torch.float32, memory_format=layout).div_(255)

    def prepared(self, index: Tensor) -> Tensor:
        """Return float images [b, channels, height, width] as the network takes them."""
        if self._held is not None:
            return self._held.index_select(0, index.to(self._held.device))
        return self.prepare(self.raw(index))

    def stretches(self) -> Iterator[Tensor]:
        """Yield all indices in order, in batches of the size that suits evaluation."""
        yield from torch.arange(len(self)).split(self._evaluated())  # type: ignore[no-untyped-call]

    def shuffled(self) -> Iterator[Tensor]:
        """Yield all images as the network takes them, in the order that torch's random state gives."""
        order = torch.randperm(len(self))
        yield from map(self.prepared, order.split(self._evaluated()))  # type: ignore[no-untyped-call]

    def _evaluated(self) -> int:
        """Return how many images are best evaluated at once."""
        budget = EVALUATED_BYTES_ON_GPU if self.device.type == "cuda" else EVALUATED_BYTES
        return max(EVALUATED_IMAGES, budget // self._image_bytes())

    @property
    def augmented(self) -> int:
        """Number of images that are best augmented at once."""
        budget = AUGMENTED_BYTES_ON_GPU if self.device.type == "cuda" else AUGMENTED_BYTES
        return budget // self._image_bytes()

    def _image_bytes(self) -> int:
        """Return the bytes of an image as floats."""
        height, width, channels = self._bytes.shape[1:]
        return 4 * channels * (height * width if self._size is None else self._size**2)

    def _fits_on(self, device: torch.device) -> bool:
        return 2 * len(self._rows) * self._bytes[0].numel() <= free_memory(device)


def as_tensor(array: Any) -> Tensor:
    """Return a tensor that shares an array's memory and is only read."""
    with warnings.catch_warnings():
        # torch warns about arrays that cannot be written; nothing here writes.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)
