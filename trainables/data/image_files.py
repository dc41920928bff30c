"""Image files: their headers, and their pixels in one shape, read by all cores."""

from __future__ import annotations

import functools
import hashlib
import os
import struct
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

ENDINGS = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"])
DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
"""Modes with 16 bits per pixel, which Pillow would clip at 255."""

GREY = ("1", "L", "LA", *DEEP)
WIDE = ("I", "F")
"""Modes without a greatest value, in which white is undefined."""


def in_parallel(function: Any, files: Sequence[Path]) -> Iterator[Any]:
    """Apply a function to every file on all cores (decoding releases the GIL), in their order."""
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        warnings.simplefilter("ignore")  # of Pillow, about single files, with paths of its own
        for start in range(0, len(files), 1024):  # so that results do not pile up
            yield from pool.map(function, files[start : start + 1024])


def headers(files: Sequence[Path], upright: bool) -> tuple[dict[tuple[int, int], Path], Counter[str], int]:
    """Return the sizes (width, height) of images, each with its first file, and a count of the modes.

    Also returns how many images are turned.
    """
    modes: Counter[str] = Counter()
    sizes: dict[tuple[int, int], Path] = {}
    turned = 0
    for path, read in zip(files, in_parallel(functools.partial(head, upright=upright), files), strict=True):
        if read is not None:
            modes[read.mode] += 1
            sizes.setdefault(read.size, path)
            turned += read.turned
    return sizes, modes, turned


@dataclass(frozen=True)
class Head:
    """What the header of an image says.

    Attributes:
        size: Width and height, of the upright image.
        mode: Pillow's mode.
        turned: Whether the stored pixels are turned to stand upright.
    """

    size: tuple[int, int]
    mode: str
    turned: bool


def head(path: Path, upright: bool = True) -> Head | None:
    """Return what an image's header says; None if the file is not an image."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            turn = turn_of(image) if upright else None
            size = image.size[::-1] if turn in SIDEWAYS else image.size
            return Head(size, image.mode, turn is not None)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


ORIENTATION = 0x0112
"""The EXIF tag of the camera's orientation: 1 is upright, 2 to 8 are flips and rotations."""

TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""Pillow's transpositions by orientation, as in `PIL.ImageOps.exif_transpose`."""

SIDEWAYS = frozenset([2, 4, 5, 6])
"""Transpositions that exchange height and width."""


def turn_of(image: Picture) -> int | None:
    """Return the transposition that makes a stored image stand upright; None if it does already.

    TIFF files are turned by Pillow itself, and unreadable EXIF data counts as absent.
    """
    if "exif" not in image.info or image.format == "TIFF":
        return None
    try:
        return TURNS.get(image.getexif().get(ORIENTATION, 1))
    except (OSError, SyntaxError, ValueError, KeyError, TypeError, struct.error):
        return None


def decode(
    path: Path, shape: tuple[int, int, int], upright: bool = True
) -> tuple[NDArray[np.uint8], bytes] | str:
    """Return pixels in the given shape and a digest of the original image, or what is wrong with it.

    The digest is that of the stored pixels, so that an image is known again however it is turned.
    """
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            if opened.mode in WIDE:
                return f"pixels of mode {opened.mode}; legal: 8 or 16 bits per channel"
            shallow = (
                Image.fromarray((np.asarray(opened) >> 8).astype(np.uint8)) if opened.mode in DEEP else opened
            )
            image: Picture = shallow.convert("L" if shape[2] == 1 else "RGB")
            digest = hashlib.blake2b(image.tobytes() + repr(image.size).encode(), digest_size=16).digest()
            turn = turn_of(opened) if upright else None
            image = image if turn is None else image.transpose(Image.Transpose(turn))
            if image.size != (shape[1], shape[0]):
                image = ImageOps.fit(image, (shape[1], shape[0]), Image.Resampling.BICUBIC)
            return np.asarray(image).reshape(shape), digest
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return str(error).replace(str(path), "the file") or type(error).__name__
