"""Folders of images, one folder per class, of any number and size.

Images are decoded once, by all cores, into one array that may be larger than memory.
"""

from __future__ import annotations

import functools
import hashlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.formatting import count
from hpo.core.trainable import DataInfo
from trainables.data.class_folders import (
    LabelledFiles,
    class_folders,
    is_hidden,
    labelled_files,
    left_out,
    refuse_parts,
)
from trainables.data.content import Content, SourcePaths
from trainables.data.digests import packed
from trainables.data.file_state import state_of
from trainables.data.held_out import first_cut
from trainables.data.image_files import DEEP, ENDINGS, GREY, decode, headers, in_parallel
from trainables.data.uncut import Uncut

SHOWN = 5


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
        names = tuple(sorted(p.name for p in class_folders(self._train)))
        if len(names) < 2:
            folders = f"only {names[0]!r}" if names else "none"
            raise UserError(f"data: {self._train} needs a folder for each class, but has {folders}")
        refuse_parts(self._train, names)
        return names

    @functools.cached_property
    def _parts(self) -> tuple[LabelledFiles, LabelledFiles]:
        train = self._listed(self._train)
        for label, name in enumerate(self._classes):
            if not np.any(train.labels == label):
                raise UserError(f"data: class {name!r} has no image in {self._train / name}")
        sealed = self.root / "test"
        if self._train != self.root and sealed.is_dir() and not self._unlabelled:
            extra = {p.name for p in class_folders(sealed)} - set(self._classes)
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
        if self._train == self.root or not sealed.is_dir() or class_folders(sealed):
            return 0
        return sum(p.suffix.lower() in ENDINGS and not is_hidden(p, sealed) for p in sealed.iterdir())

    @property
    def _upright(self) -> bool:
        return self.orientation == "upright" and self.paths.reader > 1

    def _listed(self, folder: Path) -> LabelledFiles:
        return labelled_files(folder, self._classes, hidden=self.paths.reader == 1)

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
        sizes = headers(self._parts[1].files, self._upright)[0] | sizes
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
        return headers(self._parts[0].files, self._upright)

    @functools.cached_property
    def _warnings(self) -> tuple[str, ...]:
        sentences = list(left_out(self._train))
        turned = self._headers[2]
        if turned:
            sentences.append(
                f"{count(turned, 'image')} of the development part turned upright as their EXIF "
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
            others = sorted(p.name for p in class_folders(self.root) if p.name not in ("train", "test"))
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
                f"data: {count(len(bad), 'file')} cannot be decoded: {'; '.join(bad[:SHOWN])}; remove or "
                "replace them, or leave them out: arguments: {broken: skip}"
            )
        if not good:
            raise UserError(f"data: none of the images in one part of {self.root} can be decoded")
        warnings = (
            (f"{count(len(bad), 'file')} could not be decoded and are left out: {bad[0]}",) if bad else ()
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


def _file_digest(path: Path) -> bytes:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).digest()
