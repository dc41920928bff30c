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
from trainables.data.held_out import chosen

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

ENDINGS = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"])
SHOWN = 5
DEEP = ("I;16", "I;16L", "I;16B", "I;16N")
"""Modes of 16 bits a pixel, which Pillow would cut off at 255."""

GREY = ("1", "L", "LA", *DEEP)
WIDE = ("I", "F")
"""Modes without a greatest value, so that nobody can say what is white."""


@dataclass(frozen=True)
class LabelledFiles:
    """Image files of one part, in a fixed order, with the labels of their folders."""

    files: tuple[Path, ...]
    labels: NDArray[np.int64]

    def take(self, mask: NDArray[np.bool_]) -> LabelledFiles:
        """Some of the files."""
        kept = np.flatnonzero(mask)
        return LabelledFiles(tuple(self.files[row] for row in kept), self.labels[kept])


@dataclass(frozen=True)
class ImageFolder:
    """Class folders under ``root``, or under ``root/train`` and ``root/test``.

    Attributes:
        place: Where large arrays may lie.
        root: The folder.
        size: Height and width to which images are brought (scaled, the middle kept); None where
            all have one size.
        test_share: Share of each class that is the test part where there is no test folder.
        broken: What a file that cannot be decoded does: ``error`` or ``skip``.
    """

    place: SourcePaths
    root: Path
    size: int | None = None
    test_share: float = 0.2
    broken: str = "error"

    def state(self) -> list[str] | None:
        """The state of every file under the root."""
        return state_of([self.root])

    def development(self) -> Content:
        """The images of ``train``, or those that the test part leaves."""
        content, skipped = self._decoded(self._parts[0], self._shape)
        return Content(
            content[0],
            content[1],
            DataInfo("image", "classification", self._shape, self._classes),
            identity=content[2],
            warnings=(*self._warnings, *skipped),
        )

    def test(self) -> Content:
        """The images of ``test``, or a share of each class chosen by the files' content."""
        content, skipped = self._decoded(self._parts[1], self._shape)
        info = DataInfo("image", "classification", self._shape, self._classes)
        return Content(content[0], content[1], info, identity=content[2], warnings=skipped)

    @functools.cached_property
    def _train(self) -> Path:
        if not self.root.is_dir():
            raise UserError(f"data.arguments.root: there is no folder {self.root}")
        return self.root / "train" if (self.root / "train").is_dir() else self.root

    @functools.cached_property
    def _classes(self) -> tuple[str, ...]:
        names = tuple(sorted(p.name for p in self._train.iterdir() if p.is_dir() and p.name[0] != "."))
        if len(names) < 2:
            found = f"only {names[0]!r}" if names else "none"
            raise UserError(f"data: {self._train} needs a folder for each class, and has {found}")
        return names

    @functools.cached_property
    def _parts(self) -> tuple[LabelledFiles, LabelledFiles]:
        found = _listed(self._train, self._classes)
        for label, name in enumerate(self._classes):
            if not np.any(found.labels == label):
                raise UserError(f"data: class {name!r} has no image in {self._train / name}")
        sealed = self.root / "test"
        if self._train != self.root and sealed.is_dir():
            extra = {p.name for p in sealed.iterdir() if p.is_dir() and p.name[0] != "."}
            extra -= set(self._classes)
            if extra:
                raise UserError(f"data: {sealed} has a class {min(extra)!r} that {self._train} lacks")
            return found, _listed(sealed, self._classes)
        digests = packed(_file_digest(path) for path in found.files)
        mask = chosen(digests, self.test_share, labels=found.labels)
        return found.take(~mask), found.take(mask)

    @functools.cached_property
    def _shape(self) -> tuple[int, int, int]:
        """Height, width and channels, from the headers of the development images.

        Where no size is named, the headers of the test part are looked at too: an image of another
        size would have to be scaled unasked.
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
                f"is {other[0]} x {other[1]}); name one size for all of them: arguments: {{size: 64}}"
            )
        width, height = next(iter(sizes))
        return height, width, channels

    @functools.cached_property
    def _headers(self) -> tuple[dict[tuple[int, int], Path], Counter[str]]:
        return _headers(self._parts[0].files)

    @functools.cached_property
    def _warnings(self) -> tuple[str, ...]:
        unused = [p for p in self._train.rglob("*") if p.is_file() and p.suffix.lower() not in ENDINGS]
        said = [f"{len(unused)} files are no images and are left out, such as {unused[0]}"] if unused else []
        deep = sum(self._headers[1][mode] for mode in DEEP)
        said += [f"{deep} images have 16 bits a pixel, of which the upper 8 are kept"] if deep else []
        if self._train != self.root:
            others = sorted(
                p.name for p in self.root.iterdir() if p.is_dir() and p.name not in ("train", "test")
            )
            said += [f"the folder {self.root / name} is not used" for name in others]
        return tuple(said)

    def _decoded(
        self, part: LabelledFiles, shape: tuple[int, int, int]
    ) -> tuple[tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint64]], tuple[str, ...]]:
        images = self.place.blank((len(part.files), *shape), "uint8")
        digests: list[bytes] = []
        good: list[int] = []
        bad: list[str] = []
        for row, decoded in enumerate(each(functools.partial(decode, shape=shape), part.files)):
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
            raise UserError(f"data: {self.root} has no image that can be decoded in one of its two parts")
        said = (f"{_counted(bad, 'file')} could not be decoded and are left out: {bad[0]}",) if bad else ()
        return (images[: len(good)], part.labels[good], packed(digests)), said


def open_folder(
    place: SourcePaths, *, root: str, size: int | None = None, test_share: float = 0.2, broken: str = "error"
) -> ImageFolder:
    """A folder of images; nothing is read yet."""
    return ImageFolder(place, place.path(root), size, test_share, broken)


def _listed(folder: Path, classes: Sequence[str]) -> LabelledFiles:
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        found = sorted(p for p in (folder / name).rglob("*") if p.suffix.lower() in ENDINGS and p.is_file())
        files += found
        labels += [label] * len(found)
    return LabelledFiles(tuple(files), np.array(labels, dtype=np.int64))


def each(function: Any, files: Sequence[Path]) -> Iterator[Any]:
    """Apply to every file with all cores (decoding releases the interpreter), in their order."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for start in range(0, len(files), 1024):  # so that results do not pile up
            yield from pool.map(function, files[start : start + 1024])


def _headers(files: Sequence[Path]) -> tuple[dict[tuple[int, int], Path], Counter[str]]:
    """The sizes (width, height) of images, each with the first file of it, and how often each mode is."""
    modes: Counter[str] = Counter()
    sizes: dict[tuple[int, int], Path] = {}
    for path, read in zip(files, each(head, files), strict=True):
        if read is not None:
            modes[read[1]] += 1
            sizes.setdefault(read[0], path)
    return sizes, modes


def head(path: Path) -> tuple[tuple[int, int], str] | None:
    """Size (width, height) and mode of an image; None if it is none."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            return image.size, image.mode
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return None


def decode(path: Path, shape: tuple[int, int, int]) -> tuple[NDArray[np.uint8], bytes] | str:
    """Pixels in the shape wanted, and a digest of the image as it was; or what is wrong with it."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            if opened.mode in WIDE:
                return f"pixels of mode {opened.mode}; legal are 8 or 16 bits a channel"
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


def _counted(things: Sequence[Any], noun: str) -> str:
    return f"{len(things)} {noun}{'s' if len(things) != 1 else ''}"
