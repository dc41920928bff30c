"""Single image files: what their headers say, and their pixels as a training gets them."""

from __future__ import annotations

import functools
import hashlib
import os
import struct
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainables.data.file_kinds import kind_of_file

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

ENDINGS = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"])

DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
"""Modes with 16 bits per pixel, which Pillow would clip at 255."""

DEPTHS = (8, 10, 12, 14, 16)
"""Bits per pixel that cameras and scanners store in 16."""

GREY = ("1", "L", "LA", *DEEP)
WIDE = ("I", "F")
"""Modes without a greatest value, in which white is undefined."""

ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
"""Modes with a channel of transparency."""

GROUNDS = {"white": (255, 255, 255, 255), "grey": (128, 128, 128, 255), "black": (0, 0, 0, 255)}
"""Colours that transparent pixels can be put on."""

LARGE = 1 << 24
"""Pixels from which the header of an image is compared with the size of its file."""

MOST_PER_BYTE = 2_000
"""Pixels that a byte of a compressed file can stand for: twice as many as deflate reaches."""

ORIENTATION = 0x0112
"""The EXIF tag of the camera's orientation: 1 is upright, 2 to 8 are flips and rotations."""

TURNS = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""Pillow's transpositions by orientation, as in `PIL.ImageOps.exif_transpose`."""

SIDEWAYS = frozenset([2, 4, 5, 6])
"""Transpositions that exchange height and width."""


AT_ONCE = 1024
"""Files that are read before their results are used."""

PER_TASK = 8
"""Files that a thread is given together: small ones take less time than being handed over."""

Stored = tuple[str, int, int]
"""Format, width and height of an image as it lies in its file."""


@dataclass(frozen=True)
class Head:
    """What the header of an image says.

    Attributes:
        size: Width and height, of the upright image.
        mode: Pillow's mode.
        turned: Whether the stored pixels are turned to stand upright.
        alpha: Whether pixels can be transparent.
        pages: Number of images in the file.
        halved: Whether channels have 16 bits in the file, of which Pillow reads the upper 8.
        stored: Format, width and height of the stored image.
    """

    size: tuple[int, int]
    mode: str
    turned: bool
    alpha: bool = False
    pages: int = 1
    halved: bool = False
    stored: Stored = ("", 0, 0)


@dataclass
class Heads:
    """What the headers of many images say.

    Attributes:
        sizes: Number of images by width and height.
        first: The first file of each size.
        modes: Number of images by Pillow's mode.
        turned: Number of images that are turned to stand upright.
        transparent: Number of images whose pixels can be transparent.
        stacks: Files with several images.
        halved: Number of images of which the upper 8 of 16 bits per channel are read.
        stored: What each file stores, in their order; None for files that are not images.
    """

    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    first: dict[tuple[int, int], Path] = field(default_factory=dict)
    modes: Counter[str] = field(default_factory=Counter)
    turned: int = 0
    transparent: int = 0
    stacks: list[Path] = field(default_factory=list)
    halved: int = 0
    stored: list[Stored | None] = field(default_factory=list)

    @classmethod
    def of(cls, files: Sequence[Path], upright: bool) -> Heads:
        """Read the headers of files; those that are not images are passed over."""
        heads = cls()
        read = in_parallel(functools.partial(head, upright=upright), files)
        same: dict[Stored, Stored] = {}  # one object for all files that store the same
        for path, image in zip(files, read, strict=True):
            heads.stored.append(same.setdefault(image.stored, image.stored) if image else None)
            if image is not None:
                heads.sizes[image.size] += 1
                heads.first.setdefault(image.size, path)
                heads.modes[image.mode] += 1
                heads.turned += image.turned
                heads.transparent += image.alpha
                heads.stacks += [path] * (image.pages > 1)
                heads.halved += image.halved
        return heads

    @property
    def deep(self) -> int:
        """Number of images with 16 bits per pixel."""
        return sum(self.modes[mode] for mode in DEEP)


@dataclass(frozen=True)
class PixelFormat:
    """How stored pixels become those of a training.

    Attributes:
        shape: Height, width and channels.
        upright: Whether images are turned as their EXIF orientation says.
        bits: Bits of pixels of 16 bits that are used, the lowest ones.
        ground: Colour that transparent pixels are put on; empty to ignore transparency.
    """

    shape: tuple[int, int, int]
    upright: bool = True
    bits: int = 16
    ground: str = ""


def in_parallel(function: Any, files: Sequence[Path]) -> Iterator[Any]:
    """Apply a function to every file on all cores (decoding releases the GIL), in their order."""
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        warnings.simplefilter("ignore")  # of Pillow, about single files, with paths of its own
        for start in range(0, len(files), AT_ONCE):  # so that results do not pile up
            some = files[start : start + AT_ONCE]
            tasks = [some[first : first + PER_TASK] for first in range(0, len(some), PER_TASK)]
            for results in pool.map(lambda task: [function(file) for file in task], tasks):
                yield from results


def head(path: Path, upright: bool = True) -> Head | None:
    """Return what an image's header says; None if the file is not an image."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            turn = turn_of(image) if upright else None
            size = image.size[::-1] if turn in SIDEWAYS else image.size
            alpha, pages, halved = has_alpha(image), pages_of(image), is_halved(image)
            stored = str(image.format), *image.size
            return Head(size, image.mode, turn is not None, alpha, pages, halved, stored)
    except Exception:  # Pillow fails in any way on files that are damaged
        return None


def has_alpha(image: Picture) -> bool:
    """Return whether pixels of an image can be transparent."""
    return image.mode in ALPHA or "transparency" in image.info


def is_halved(image: Picture) -> bool:
    """Return whether channels of a colour image have 16 bits in the file; Pillow reads the upper 8."""
    return image.mode not in DEEP and any(";16" in str(tile[3]) for tile in getattr(image, "tile", ()))


def pages_of(image: Picture) -> int:
    """Return how many images a file has, as far as it can be read."""
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # of a later page, which is not used
        return 1


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


def bits_of(files: Sequence[Path]) -> int:
    """Return how many of 16 bits per pixel images use together: the fewest of `DEPTHS` that hold all values.

    Files that are not of 16 bits, or cannot be read, are passed over.
    """
    greatest = max((value for value in in_parallel(_greatest, files)), default=0)
    return next(bits for bits in DEPTHS if greatest < 1 << bits)


def _greatest(path: Path) -> int:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return int(np.asarray(image).max()) if image.mode in DEEP else 0
    except Exception:  # Pillow fails in any way on files that are damaged
        return 0


def decode(path: Path, form: PixelFormat) -> tuple[NDArray[np.uint8], bytes] | str:
    """Return pixels in a format and a digest of the original image, or what is wrong with it.

    The digest is that of the stored pixels, so that an image is known again however it is turned.
    """
    from PIL import Image, ImageOps

    height, width, channels = form.shape
    try:
        with Image.open(path) as opened:
            if opened.mode in WIDE:
                return f"pixels of mode {opened.mode}; legal: 8 or 16 bits per channel"
            if _promises_too_much(opened, path):
                size = f"{opened.width:,} x {opened.height:,}"
                return f"its header promises {size} pixels, which {path.stat().st_size:,} bytes cannot hold"
            image = converted(opened, "L" if channels == 1 else "RGB", form)
            digest = hashlib.blake2b(image.tobytes() + repr(image.size).encode(), digest_size=16).digest()
            turn = turn_of(opened) if form.upright else None
            image = image if turn is None else image.transpose(Image.Transpose(turn))
            if image.size != (width, height):
                image = ImageOps.fit(image, (width, height), Image.Resampling.BICUBIC)
            return np.asarray(image).reshape(form.shape), digest
    except Exception as error:  # Pillow fails in any way on files that are damaged
        kind = kind_of_file(path)
        return f"is {kind}" if kind else str(error).replace(str(path), "the file") or type(error).__name__


def _promises_too_much(image: Picture, path: Path) -> bool:
    """Return whether a large image cannot be in a file of its size, so that no memory is taken for it.

    WebP alone compresses an even image without a limit.
    """
    pixels = image.width * image.height
    return pixels > LARGE and image.format != "WEBP" and pixels > MOST_PER_BYTE * path.stat().st_size


def converted(image: Picture, mode: str, form: PixelFormat) -> Picture:
    """Return an image in 8 bits, without transparency, in grey or colour."""
    from PIL import Image

    if image.mode in DEEP:
        levels = np.asarray(image) >> (form.bits - 8)
        return Image.fromarray(np.minimum(levels, 255).astype(np.uint8)).convert(mode)
    if form.ground and has_alpha(image):
        ground = Image.new("RGBA", image.size, GROUNDS[form.ground])
        return Image.alpha_composite(ground, image.convert("RGBA")).convert(mode)
    return image.convert(mode)
