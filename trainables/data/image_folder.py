"""Folders of images, one folder per class, of any number and size.

Images are decoded once, by all cores, into one array that may be larger than memory.
"""

from __future__ import annotations

import functools
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from trainables.data.content import Content, SourcePaths
from trainables.data.digests import packed
from trainables.data.file_state import state_of
from trainables.data.held_out import first_cut
from trainables.data.uncut import Uncut

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

ENDINGS = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"])
SHOWN = 5
DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
"""Modes with 16 bits per pixel, which Pillow would clip at 255."""

GREY = ("1", "L", "LA", *DEEP)
WIDE = ("I", "F")
"""Modes without a greatest value, in which white is undefined."""


@dataclass(frozen=True)
class LabelledFiles:
    """Image files of one part, in a fixed order, with the labels of their folders."""

    files: tuple[Path, ...]
    labels: NDArray[np.int64]

    def take(self, mask: NDArray[np.bool_]) -> LabelledFiles:
        """Return some of the files."""
        kept = np.flatnonzero(mask)
        return LabelledFiles(tuple(self.files[row] for row in kept), self.labels[kept])


@dataclass(frozen=True)
class ImageFolder:
    """Class folders under ``root``, or under ``root/train`` and ``root/test``.

    Attributes:
        paths: Where large arrays may be stored.
        root: The folder.
        size: Height and width that images are scaled to (then cropped around the middle); None
            where all have one size.
        test_share: Share of each class in the test part if there is no test folder.
        broken: Reaction to a file that cannot be decoded: ``error`` or ``skip``.
    """

    paths: SourcePaths
    root: Path
    size: int | None = None
    test_share: float = 0.2
    broken: str = "error"

    def state(self) -> list[str] | None:
        """Return the state of every file under the root."""
        return state_of([self.root])

    def development(self) -> Content:
        """Return the images of ``train``, or those outside the test part."""
        content, skipped = self._decoded(self._parts[0], self._shape)
        return Content(
            content[0],
            content[1],
            DataInfo("image", "classification", self._shape, self._classes),
            identity=content[2],
            warnings=(*self._warnings, *skipped),
        )

    def test(self) -> Content:
        """Return the images of ``test``, or a share of each class chosen by the files' content."""
        content, skipped = self._decoded(self._parts[1], self._shape)
        info = DataInfo("image", "classification", self._shape, self._classes)
        return Content(content[0], content[1], info, identity=content[2], warnings=skipped)

    @functools.cached_property
    def _train(self) -> Path:
        if not self.root.is_dir():
            raise UserError(f"data.arguments.root: the folder {self.root} does not exist")
        return self.root / "train" if (self.root / "train").is_dir() else self.root

    @functools.cached_property
    def _classes(self) -> tuple[str, ...]:
        names = tuple(sorted(p.name for p in self._train.iterdir() if p.is_dir() and p.name[0] != "."))
        if len(names) < 2:
            folders = f"only {names[0]!r}" if names else "none"
            raise UserError(f"data: {self._train} needs a folder for each class, but has {folders}")
        return names

    @functools.cached_property
    def _parts(self) -> tuple[LabelledFiles, LabelledFiles]:
        train = _listed(self._train, self._classes)
        for label, name in enumerate(self._classes):
            if not np.any(train.labels == label):
                raise UserError(f"data: class {name!r} has no image in {self._train / name}")
        sealed = self.root / "test"
        if self._train != self.root and sealed.is_dir():
            extra = {p.name for p in sealed.iterdir() if p.is_dir() and p.name[0] != "."}
            extra -= set(self._classes)
            if extra:
                raise UserError(f"data: {sealed} has a class {min(extra)!r} that is not in {self._train}")
            return train, _listed(sealed, self._classes)
        digests = packed(_file_digest(path) for path in train.files)
        mask = (self.paths.cutter or first_cut)(Uncut(digests, self.test_share, train.labels))
        return train.take(~mask), train.take(mask)

    @functools.cached_property
    def _shape(self) -> tuple[int, int, int]:
        """Height, width and channels, from the headers of the development images.

        Without a size, the headers of the test part are read too, since an image of another size
        would have to be scaled.
        """
        sizes, modes = self._headers
        if not sizes:
            raise UserError(f"data: none of the files under {self._train} is an image")
        channels = 1 if all(mode in GREY for mode in modes) else 3
        if self.size is not None:
            return self.size, self.size, channels
        sizes = _headers(self._parts[1].files)[0] | sizes
        if len(sizes) > 1:
            (one, path), (other, second) = list(sizes.items())[:2]
            raise UserError(
                f"data: images have {len(sizes)} different sizes ({path} is {one[0]} x {one[1]}, {second} "
                f"is {other[0]} x {other[1]}); set one size for all of them: arguments: {{size: 64}}"
            )
        width, height = next(iter(sizes))
        return height, width, channels

    @functools.cached_property
    def _headers(self) -> tuple[dict[tuple[int, int], Path], Counter[str]]:
        return _headers(self._parts[0].files)

    @functools.cached_property
    def _warnings(self) -> tuple[str, ...]:
        unused = [p for p in self._train.rglob("*") if p.is_file() and p.suffix.lower() not in ENDINGS]
        sentences = []
        if unused:
            sentences.append(f"{len(unused)} files are not images and are left out, such as {unused[0]}")
        deep = sum(self._headers[1][mode] for mode in DEEP)
        if deep:
            sentences.append(f"{deep} images have 16 bits per pixel, of which the upper 8 are kept")
        if self._train != self.root:
            others = sorted(
                p.name for p in self.root.iterdir() if p.is_dir() and p.name not in ("train", "test")
            )
            sentences += [f"the folder {self.root / name} is not used" for name in others]
        return tuple(sentences)

    def _decoded(
        self, part: LabelledFiles, shape: tuple[int, int, int]
    ) -> tuple[tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint64]], tuple[str, ...]]:
        images = self.paths.blank((len(part.files), *shape), "uint8")
        digests: list[bytes] = []
        good: list[int] = []
        bad: list[str] = []
        for row, decoded in enumerate(in_parallel(functools.partial(decode, shape=shape), part.files)):
            if isinstance(decoded, str):
                bad.append(f"{part.files[row]} ({decoded})")
                continue
            images[len(good)] = decoded[0]
            digests.append(decoded[1])
            good.append(row)
        if bad and self.broken == "error":
            raise UserError(
                f"data: {_counted(bad, 'file')} cannot be decoded: {'; '.join(bad[:SHOWN])}; remove or "
                "replace them, or leave them out: arguments: {broken: skip}"
            )
        if not good:
            raise UserError(f"data: none of the images in one part of {self.root} can be decoded")
        warnings = (
            (f"{_counted(bad, 'file')} could not be decoded and are left out: {bad[0]}",) if bad else ()
        )
        return (images[: len(good)], part.labels[good], packed(digests)), warnings


def open_folder(
    paths: SourcePaths, *, root: str, size: int | None = None, test_share: float = 0.2, broken: str = "error"
) -> ImageFolder:
    """Return a folder of images as a source; nothing is read yet."""
    return ImageFolder(paths, paths.path(root), size, test_share, broken)


def _listed(folder: Path, classes: Sequence[str]) -> LabelledFiles:
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        members = sorted(p for p in (folder / name).rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())
        files += members
        labels += [label] * len(members)
    return LabelledFiles(tuple(files), np.array(labels, dtype=np.int64))


def in_parallel(function: Any, files: Sequence[Path]) -> Iterator[Any]:
    """Apply a function to every file on all cores (decoding releases the GIL), in their order."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for start in range(0, len(files), 1024):  # so that results do not pile up
            yield from pool.map(function, files[start : start + 1024])


def _headers(files: Sequence[Path]) -> tuple[dict[tuple[int, int], Path], Counter[str]]:
    """Return the sizes (width, height) of images, each with its first file, and a count of the modes."""
    modes: Counter[str] = Counter()
    sizes: dict[tuple[int, int], Path] = {}
    for path, read in zip(files, in_parallel(head, files), strict=True):
        if read is not None:
            modes[read[1]] += 1
            sizes.setdefault(read[0], path)
    return sizes, modes


def head(path: Path) -> tuple[tuple[int, int], str] | None:
    """Return size (width, height) and mode of an image; None if the file is not an image."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.size, image.mode
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def decode(path: Path, shape: tuple[int, int, int]) -> tuple[NDArray[np.uint8], bytes] | str:
    """Return pixels in the given shape and a digest of the original image, or what is wrong with it."""
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
            if image.size != (shape[1], shape[0]):
                image = ImageOps.fit(image, (shape[1], shape[0]), Image.Resampling.BICUBIC)
            return np.asarray(image).reshape(shape), digest
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        return str(error).replace(str(path), "the file") or type(error).__name__


def _file_digest(path: Path) -> bytes:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).digest()


def _counted(items: Sequence[Any], noun: str) -> str:
    return f"{len(items)} {noun}{'s' if len(items) != 1 else ''}"
