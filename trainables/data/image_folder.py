"""Folders of images, one folder per class, of any number and size.

Images are decoded once, by all cores, into one array that may be larger than memory.
"""

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

HIDDEN = "__MACOSX"
"""Folder in which macOS keeps its own copies; like all names that begin with a full stop, never data."""

TRAINING = frozenset(["train", "training"])
OTHER_PARTS = frozenset(["test", "testing", "val", "valid", "validation"])
"""Names of folders that hold parts of a data set rather than a class, apart from case and ``_set``."""


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
        orientation: ``upright`` to turn images as their EXIF orientation says, or ``as_stored``.
    """

    paths: SourcePaths
    root: Path
    size: int | None = None
    test_share: float = 0.2
    broken: str = "error"
    orientation: str = "upright"

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
        names = tuple(sorted(p.name for p in _folders(self._train)))
        if len(names) < 2:
            folders = f"only {names[0]!r}" if names else "none"
            raise UserError(f"data: {self._train} needs a folder for each class, but has {folders}")
        _refuse_parts(self._train, names)
        return names

    @functools.cached_property
    def _parts(self) -> tuple[LabelledFiles, LabelledFiles]:
        train = self._listed(self._train)
        for label, name in enumerate(self._classes):
            if not np.any(train.labels == label):
                raise UserError(f"data: class {name!r} has no image in {self._train / name}")
        sealed = self.root / "test"
        if self._train != self.root and sealed.is_dir() and not self._unlabelled:
            extra = {p.name for p in _folders(sealed)} - set(self._classes)
            if extra:
                raise UserError(f"data: {sealed} has a class {min(extra)!r} that is not in {self._train}")
            return train, self._listed(sealed)
        digests = packed(_file_digest(path) for path in train.files)
        names = np.array([path.relative_to(self._train).with_suffix("").as_posix() for path in train.files])
        rows = Uncut(digests, self.test_share, train.labels, names=names)
        mask = (self.paths.cutter or first_cut)(rows)
        return train.take(~mask), train.take(mask)

    @functools.cached_property
    def _unlabelled(self) -> int:
        """Images of a test folder without class folders, which thus have no labels."""
        sealed = self.root / "test"
        if self._train == self.root or not sealed.is_dir() or _folders(sealed):
            return 0
        return sum(p.suffix.lower() in ENDINGS and not is_hidden(p, sealed) for p in sealed.iterdir())

    @property
    def _upright(self) -> bool:
        return self.orientation == "upright" and self.paths.reader > 1

    def _listed(self, folder: Path) -> LabelledFiles:
        return _listed(folder, self._classes, hidden=self.paths.reader == 1)

    @functools.cached_property
    def _shape(self) -> tuple[int, int, int]:
        """Height, width and channels, from the headers of the development images.

        Without a size, the headers of the test part are read too, since an image of another size
        would have to be scaled.
        """
        sizes, modes, _ = self._headers
        if not sizes:
            raise UserError(f"data: none of the files under {self._train} is an image")
        channels = 1 if all(mode in GREY for mode in modes) else 3
        if self.size is not None:
            return self.size, self.size, channels
        sizes = _headers(self._parts[1].files, self._upright)[0] | sizes
        if len(sizes) > 1:
            (one, path), (other, second) = list(sizes.items())[:2]
            raise UserError(
                f"data: images have {len(sizes)} different sizes ({path} is {one[0]} x {one[1]}, {second} "
                f"is {other[0]} x {other[1]}); set one size for all of them: arguments: {{size: 64}}"
            )
        width, height = next(iter(sizes))
        return height, width, channels

    @functools.cached_property
    def _headers(self) -> tuple[dict[tuple[int, int], Path], Counter[str], int]:
        return _headers(self._parts[0].files, self._upright)

    @functools.cached_property
    def _warnings(self) -> tuple[str, ...]:
        sentences = list(_left_out(self._train))
        turned = self._headers[2]
        if turned:
            sentences.append(
                f"{_counted(turned, 'image')} of the development part turned upright as their EXIF "
                "orientation says; to keep the pixels as they are stored: arguments: {orientation: as_stored}"
            )
        deep = sum(self._headers[1][mode] for mode in DEEP)
        if deep:
            sentences.append(f"{deep} images have 16 bits per pixel, of which the upper 8 are kept")
        if self._train != self.root:
            if self._unlabelled:
                sentences.append(
                    f"{self.root / 'test'} has no folder for any class: its {self._unlabelled} images have "
                    "no labels and are not used, and the test part is cut from the training images"
                )
            others = sorted(p.name for p in _folders(self.root) if p.name not in ("train", "test"))
            sentences += [f"the folder {self.root / name} is not used" for name in others]
        return tuple(sentences)

    def _decoded(
        self, part: LabelledFiles, shape: tuple[int, int, int]
    ) -> tuple[tuple[NDArray[np.uint8], NDArray[np.int64], NDArray[np.uint64]], tuple[str, ...]]:
        images = self.paths.blank((len(part.files), *shape), "uint8")
        digests: list[bytes] = []
        good: list[int] = []
        bad: list[str] = []
        read = functools.partial(decode, shape=shape, upright=self._upright)
        for row, decoded in enumerate(in_parallel(read, part.files)):
            if isinstance(decoded, str):
                bad.append(f"{part.files[row]} ({decoded})")
                continue
            images[len(good)] = decoded[0]
            digests.append(decoded[1])
            good.append(row)
        if bad and self.broken == "error":
            raise UserError(
                f"data: {_counted(len(bad), 'file')} cannot be decoded: {'; '.join(bad[:SHOWN])}; remove or "
                "replace them, or leave them out: arguments: {broken: skip}"
            )
        if not good:
            raise UserError(f"data: none of the images in one part of {self.root} can be decoded")
        warnings = (
            (f"{_counted(len(bad), 'file')} could not be decoded and are left out: {bad[0]}",) if bad else ()
        )
        return (images[: len(good)], part.labels[good], packed(digests)), warnings


def open_folder(
    paths: SourcePaths,
    *,
    root: str,
    size: int | None = None,
    test_share: float = 0.2,
    broken: str = "error",
    orientation: str = "upright",
) -> ImageFolder:
    """Return a folder of images as a source; nothing is read yet."""
    return ImageFolder(paths, paths.path(root), size, test_share, broken, orientation)


def _folders(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir() and not is_hidden(path, folder)]


def is_hidden(path: Path, folder: Path) -> bool:
    """Return whether a path below a folder belongs to a tool or an operating system, not to the data."""
    return any(part[0] == "." or part == HIDDEN for part in path.relative_to(folder).parts)


def _refuse_parts(folder: Path, names: Sequence[str]) -> None:
    """Refuse folders that are named like the parts of a data set and hold further folders.

    Raises:
        UserError: If they would be taken for classes.
    """
    plain = {name: name.lower().replace("-", "_").removesuffix("_set").removesuffix("set") for name in names}
    training = [name for name in names if plain[name] in TRAINING and _folders(folder / name)]
    others = [name for name in names if plain[name] in OTHER_PARTS]
    if training and others:
        raise UserError(
            f"data: the folders {', '.join([*training, *others])} of {folder} are named like the parts of a "
            "data set, but would be taken for classes; rename those of the training and test part to "
            "train and test, or classes to something else"
        )


def _left_out(folder: Path) -> Iterator[str]:
    """Yield a sentence for each kind of file under a folder that is not read."""
    paths = list(folder.rglob("*"))
    hidden = [path for path in paths if is_hidden(path, folder)]
    shown = sorted(set(paths) - set(hidden))
    unused = [path for path in shown if path.suffix.lower() not in ENDINGS and path.is_file()]
    images = sorted(path for path in hidden if path.suffix.lower() in ENDINGS and path.is_file())
    linked = [path for path in shown if path.is_symlink() and path.is_dir() and path.parent != folder]
    if unused:
        yield f"{len(unused)} files are not images and are left out, such as {unused[0]}"
    if images:
        yield f"{_counted(len(images), 'hidden image')} left out, such as {images[0]}"
    if linked:
        yield f"{_counted(len(linked), 'linked folder')} within classes not read, such as {linked[0]}"


def _listed(folder: Path, classes: Sequence[str], hidden: bool) -> LabelledFiles:
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        within = folder / name
        images = (path for path in within.rglob("*") if path.suffix.lower() in ENDINGS)
        members = sorted(
            path for path in images if (hidden or not is_hidden(path, within)) and path.is_file()
        )
        files += members
        labels += [label] * len(members)
    return LabelledFiles(tuple(files), np.array(labels, dtype=np.int64))


def in_parallel(function: Any, files: Sequence[Path]) -> Iterator[Any]:
    """Apply a function to every file on all cores (decoding releases the GIL), in their order."""
    with warnings.catch_warnings(), ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        warnings.simplefilter("ignore")  # of Pillow, about single files, with paths of its own
        for start in range(0, len(files), 1024):  # so that results do not pile up
            yield from pool.map(function, files[start : start + 1024])


def _headers(files: Sequence[Path], upright: bool) -> tuple[dict[tuple[int, int], Path], Counter[str], int]:
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


def _file_digest(path: Path) -> bytes:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).digest()


def _counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' if n != 1 else ''}"
