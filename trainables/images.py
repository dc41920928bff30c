"""Images of one part of a data set, as batches of numbers on the device that trains.

The array of all examples is shared by the workers of a node and never copied whole. A part is held
as prepared floats if nothing random comes between the bytes and the network and it is small;
otherwise each batch is read from the shared bytes, so that any number of images can be streamed.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hpo.core.trainable import Examples

HELD_BYTES = 256 << 20
"""Most bytes of prepared floats that one training holds for one part."""

EVALUATED_BYTES = 1 << 20
"""Bytes of images in a batch that is only evaluated on a CPU.

What the layers make of so few stays in the caches: a small convolutional network takes a third to a
quarter of the time that it takes for batches of thousands, and a tenth of the memory.
"""

EVALUATED_BYTES_ON_GPU = 64 << 20
"""The same on a GPU, which only large batches fill."""

EVALUATED_IMAGES = 64
"""Images in such a batch at least, however large they are."""

AUGMENTED_BYTES = 4 << 20
"""Bytes of images that are augmented at once on a CPU.

Calling torch costs more than what a single batch of small images gives it to do: 28 x 28 grey images
take half the time in such numbers that they take in batches of 128, and a fifth of that in batches of 32.
"""

AUGMENTED_BYTES_ON_GPU = 64 << 20
"""The same on a GPU."""


class Images:
    """The images and labels of one part.

    Args:
        examples: uint8 images [n, height, width, channels] with int64 labels.
        device: Where batches are wanted. Bytes go there once, if they fit twice over.
        prepare: What happens to float images in [0, 1], [n, channels, height, width], before the
            network.
        size: Height and width to which images are resized first, in pixels; None as they are.
        hold: Whether prepared images are worth holding, as nothing random comes before ``prepare``.
    """

    def __init__(
        self,
        examples: Examples,
        device: torch.device,
        prepare: Callable[[Tensor], Tensor],
        hold: bool = True,
        size: int | None = None,
    ):
        self.device = device
        self._bytes = as_tensor(examples.inputs)
        self._rows = torch.as_tensor(examples.rows)
        if device.type == "cuda" and self._fits_on(device):
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
    def home(self) -> torch.device:
        """Where places are looked up; moved there, they need not be moved again for every use."""
        return self._rows.device

    def raw(self, index: Tensor) -> Tensor:
        """Float images [b, channels, height, width] in [0, 1], resized and nothing else.

        Args:
            index: Places in the part [b], on any device.
        """
        rows = self._rows.index_select(0, index.to(self.home))
        picked = self._bytes.index_select(0, rows)
        picked = picked.to(self.device, non_blocking=True).permute(0, 3, 1, 2)
        layout = torch.channels_last if self.device.type == "cuda" else torch.contiguous_format
        images = picked.to(torch.float32, memory_format=layout).div_(255)
        if self._size is None or images.shape[2:] == (self._size, self._size):
            return images
        size = (self._size, self._size)
        return F.interpolate(images, size, mode="bilinear", antialias=True).clamp_(0, 1)

    def prepared(self, index: Tensor) -> Tensor:
        """Float images [b, channels, height, width] as the network takes them, from places on any device."""
        if self._held is not None:
            return self._held.index_select(0, index.to(self._held.device))
        return self.prepare(self.raw(index))

    def stretches(self) -> Iterator[Tensor]:
        """Every index in order, in batches as large as evaluation takes them."""
        most = EVALUATED_BYTES_ON_GPU if self.device.type == "cuda" else EVALUATED_BYTES
        size = max(EVALUATED_IMAGES, most // self._image_bytes())
        yield from torch.arange(len(self)).split(size)  # type: ignore[no-untyped-call]

    @property
    def augmented(self) -> int:
        """How many images are best augmented at once."""
        most = AUGMENTED_BYTES_ON_GPU if self.device.type == "cuda" else AUGMENTED_BYTES
        return most // self._image_bytes()

    def _image_bytes(self) -> int:
        """Bytes of an image as floats."""
        height, width, channels = self._bytes.shape[1:]
        return 4 * channels * (height * width if self._size is None else self._size**2)

    def _fits_on(self, device: torch.device) -> bool:
        free, _ = torch.cuda.mem_get_info(device)
        return 2 * len(self._rows) * self._bytes[0].numel() <= free


def as_tensor(array: Any) -> Tensor:
    """A tensor over an array's own memory, which is only ever read."""
    with warnings.catch_warnings():
        # torch warns of arrays that cannot be written; nothing here writes.
        warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
        return torch.from_numpy(array)
