"""Images in their own sizes, kept as the files that hold them and decoded whenever a training cuts a crop.

Pixels of large photographs would take ten to twenty times the space of their files.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from trainables.data.digests import BYTES, packed
from trainables.data.image_files import SIDEWAYS, PixelFormat, converted, turn_of

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

    from trainables.data.content import SourcePaths

PIECE = 64 << 20
"""Bytes of files that are compared at once."""

UPRIGHT = -1
"""In place of a transposition, for an image that is not turned."""

START, LENGTH, TURN, HEIGHT, WIDTH = range(5)
"""Columns of an index."""


class ScaledBox(NamedTuple):
    """How a crop is made of an image.

    Attributes:
        scaled: Width and height that the whole image is resized to first; None to leave it.
        box: Left, top, right and bottom of the crop, in pixels of that.
    """

    scaled: tuple[int, int] | None
    box: tuple[int, int, int, int]


@dataclass(frozen=True)
class Originals:
    """The original images of a part of a data set.

    Attributes:
        encoded: All files, one after the other, uint8 [bytes]; may be a memory map.
        index: Where each image lies in them, Pillow's transposition that makes it stand upright (`UPRIGHT`
            for none), height and width of the upright image, int64 [n, 5].
        form: How pixels are converted; its height and width do not count.
    """

    encoded: NDArray[np.uint8]
    index: NDArray[np.int64]
    form: PixelFormat

    @classmethod
    def of_arrays(cls, encoded: NDArray[np.uint8], index: NDArray[np.int64], info: DataInfo) -> Originals:
        """Return originals whose arrays were stored, with what is known about their data set."""
        return cls(encoded, index, _form_of(info))

    def __len__(self) -> int:
        return len(self.index)

    def take(self, rows: NDArray[np.int64]) -> Originals:
        """Return the originals of some rows."""
        return replace(self, index=self.index[rows])

    def equals(self, other: Originals | None) -> bool:
        """Return whether all images are the same, in the same order, reading a part of them at a time."""
        if other is None or not np.array_equal(self.index, other.index):
            return False
        pairs = zip(_pieces(self.encoded), _pieces(other.encoded), strict=True)
        return all(np.array_equal(ours, theirs) for ours, theirs in pairs)

    def digests(self) -> NDArray[np.uint64]:
        """Return digests of the images' files, [n, 2]."""
        spans = self.index[:, [START, LENGTH]].tolist()
        return packed(
            hashlib.blake2b(self.encoded[start : start + length].tobytes(), digest_size=BYTES).digest()
            for start, length in spans
        )

    def sizes(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return height and width of some images, [k, 2]."""
        return np.asarray(self.index[rows][:, [HEIGHT, WIDTH]])

    def picture(self, row: int) -> Picture:
        """Decode an image, upright, in 8 bits and in grey or colour."""
        from PIL import Image

        start, length, turn = (int(value) for value in self.index[row, :HEIGHT])
        with Image.open(io.BytesIO(self.encoded[start : start + length].tobytes())) as opened:
            image = converted(opened, "L" if self.form.shape[2] == 1 else "RGB", self.form)
        return image if turn == UPRIGHT else image.transpose(Image.Transpose(turn))

    def cuts(
        self, row: int, cuts: Sequence[ScaledBox], size: tuple[int, int], bicubic: bool
    ) -> NDArray[np.uint8]:
        """Return crops of an image, [k, height, width, channels].

        They are Pillow's, as in torchvision's and timm's transformations of Pillow images: filters cover
        all pixels that a smaller one stands for.

        Args:
            row: Of the image.
            cuts: What is cut.
            size: Height and width of the crops.
            bicubic: Whether to interpolate by cubic polynomials, not linearly.
        """
        from PIL import Image

        filtering = Image.Resampling.BICUBIC if bicubic else Image.Resampling.BILINEAR
        image = self.picture(row)
        crops = np.empty((len(cuts), *size, self.form.shape[2]), np.uint8)
        for crop, cut in zip(crops, cuts, strict=True):
            whole = image if cut.scaled in (None, image.size) else image.resize(cut.scaled, filtering)
            part = whole if cut.box == (0, 0, *whole.size) else whole.crop(cut.box)
            part = part if part.size == size[::-1] else part.resize(size[::-1], filtering)
            crop[:] = np.asarray(part).reshape(crop.shape)
        return crops


def collected(
    files: Sequence[Path | bytes],
    form: PixelFormat,
    blank: Callable[[tuple[int, ...], str], NDArray[np.uint8]],
) -> Originals:
    """Return the originals in files, which can be decoded.

    Args:
        files: Paths of the files, or their content.
        form: How pixels are converted.
        blank: Returns an array of zeros of a shape and type, which may be larger than memory.

    Raises:
        UserError: If a file cannot be read or decoded, or changed while it was read.
    """
    lengths = [_length(file) for file in files]
    ends = np.cumsum(lengths, dtype=np.int64)
    encoded = blank((int(ends[-1]),), "uint8")
    index = np.zeros((len(files), 5), np.int64)
    for row, (file, length, end) in enumerate(zip(files, lengths, ends, strict=True)):
        content = file if isinstance(file, bytes) else file.read_bytes()
        if len(content) != length:
            raise UserError(f"data: {file!s} changed while it was read")
        try:
            index[row] = (end - length, length, *_turn_and_size(content, form))
        except Exception as error:  # Pillow fails in any way on files that are damaged
            which = f"number {row}" if isinstance(file, bytes) else file
            raise UserError(f"data: original image {which} cannot be decoded: {error}") from error
        encoded[end - length : end] = np.frombuffer(content, np.uint8)
    return Originals(encoded, index, form)


def _pieces(encoded: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(encoded), PIECE):
        yield encoded[start : start + PIECE]


def _length(file: Path | bytes) -> int:
    try:
        return len(file) if isinstance(file, bytes) else file.stat().st_size
    except OSError as error:
        raise UserError(f"data: original image {file!s} cannot be read: {error.strerror}") from error


def given(values: Sequence[str | Path | bytes], n: int, info: DataInfo, paths: SourcePaths) -> Originals:
    """Return the originals that a user's function returned beside its images.

    Args:
        values: The content of image files, or their paths, relative to the spec.
        n: Number of images.
        info: Description of the data set.
        paths: Where files are found, and where large arrays may be stored.

    Raises:
        UserError: If they do not fit the images, or one cannot be decoded.
    """
    if info.kind != "image":
        raise UserError(f"data.source: originals belong to images, and this data is of kind {info.kind}")
    if len(values) != n:
        raise UserError(f"data.source: {len(values)} originals but {n} images")
    files = [value if isinstance(value, bytes) else paths.path(str(value)) for value in values]
    return collected(files, _form_of(info), paths.blank)


def _form_of(info: DataInfo) -> PixelFormat:
    return PixelFormat((0, 0, info.shape[2]), bits=info.bits, ground=info.ground)


def _turn_and_size(content: bytes, form: PixelFormat) -> tuple[int, int, int]:
    """Return the transposition that makes an image stand upright, and its height and width then."""
    from PIL import Image

    with Image.open(io.BytesIO(content)) as image:
        turn = turn_of(image) if form.upright else None
        width, height = image.size[::-1] if turn in SIDEWAYS else image.size
    return UPRIGHT if turn is None else turn, height, width
