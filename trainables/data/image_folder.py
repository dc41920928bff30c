"""Folders of images, one folder per class, of any number and size.

Images are decoded once, by all cores, into one array that may be larger than memory.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.formatting import count
from hpo.core.trainable import DataInfo
from trainables.data.class_folders import (
    LabelledFiles,
    class_folders,
    endings_in,
    is_hidden,
    labelled_files,
    left_out,
    loose_images,
    refuse_parts,
    refuse_undecodable,
)
from trainables.data.content import Content, SourcePaths
from trainables.data.data_report import DataReport, ImageReport, target_distribution
from trainables.data.digests import packed
from trainables.data.file_facts import file_facts
from trainables.data.file_state import state_of
from trainables.data.file_tree import is_image_name
from trainables.data.held_out import first_cut
from trainables.data.image_files import GREY, Heads, PixelFormat, bits_of, decode, in_parallel
from trainables.data.odd_texts import alike
from trainables.data.originals import Originals, collected
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
        ground: Colour that transparent pixels are put on.
        bits: Bits of pixels of 16 bits that are used; None for as many as the development part needs.
        originals: Whether to keep the images in their own sizes as well, for crops of a training.
    """

    paths: SourcePaths
    root: Path
    size: int | None = None
    test_share: float = 0.2
    broken: str = "error"
    orientation: str = "upright"
    ground: str = "white"
    bits: int | None = None
    originals: bool = False

    def state(self) -> list[str] | None:
        """Return the state of every file under the root."""
        return state_of([self.root])

    def development(self) -> Content:
        """Return the images of ``train``, or those outside the test part."""
        content = self._decoded(self._parts[0])
        return replace(
            content,
            warnings=(*self._warnings, *content.warnings),
            report=self._report(content.targets),
            files=file_facts(self._parts[0], self._heads.stored),
        )

    def test(self) -> Content:
        """Return the images of ``test``, or a share of each class chosen by the files' content."""
        return self._decoded(self._parts[1])

    @functools.cached_property
    def _info(self) -> DataInfo:
        form = self._form
        return DataInfo(
            "image", "classification", form.shape, self._classes, bits=form.bits, ground=form.ground
        )

    @functools.cached_property
    def _form(self) -> PixelFormat:
        """How pixels are stored for a training, by the headers and the depth of the development images."""
        new = self.paths.reader > 4
        bits = self._used_bits() if new and self._heads.deep else 16
        ground = self.ground if new and self._heads.transparent else ""
        return PixelFormat(self._shape, self._upright, bits, ground)

    def _used_bits(self) -> int:
        """Return how many of 16 bits per pixel are used.

        Raises:
            UserError: If the images use more than the spec says.
        """
        needed = bits_of(self._parts[0].files)
        if self.bits is not None and needed > self.bits:
            raise UserError(
                f"data.arguments.bits: pixels of {self.root} use {needed} bits, more than {self.bits}"
            )
        return self.bits or needed

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
        refuse_undecodable(self._train, names)
        return names

    @functools.cached_property
    def _parts(self) -> tuple[LabelledFiles, LabelledFiles]:
        train = self._listed(self._train)
        for label, name in enumerate(self._classes):
            if not np.any(train.labels == label):
                folder = self._train / name
                raise UserError(f"data: class {name!r} has no image in {folder}: {endings_in(folder)}")
        sealed = self.root / "test"
        if self._train != self.root and sealed.is_dir() and not self._unlabelled:
            extra = {p.name for p in class_folders(sealed)} - set(self._classes)
            if extra:
                raise UserError(f"data: {sealed} has a class {min(extra)!r} that is not in {self._train}")
            return train, self._listed(sealed)
        digests = packed(_file_digest(path) for path in train.files)
        names = np.array(train.names(self._train))
        rows = Uncut(digests, self.test_share, train.labels, names=names, reader=self.paths.reader)
        mask = (self.paths.cutter or first_cut)(rows)
        return train.take(~mask), train.take(mask)

    @functools.cached_property
    def _unlabelled(self) -> int:
        """Images of a test folder without class folders, which thus have no labels."""
        sealed = self.root / "test"
        if self._train == self.root or not sealed.is_dir() or class_folders(sealed):
            return 0
        return sum(is_image_name(p.name) and not is_hidden(p, sealed) for p in sealed.iterdir())

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
        heads = self._heads
        if not heads.sizes:
            raise UserError(f"data: none of the files under {self._train} is an image")
        channels = 1 if all(mode in GREY for mode in heads.modes) else 3
        if self.size is not None:
            return self.size, self.size, channels
        sizes = Heads.of(self._parts[1].files, self._upright).first | heads.first
        if len(sizes) > 1:
            (one, path), (other, second) = list(sizes.items())[:2]
            raise UserError(
                f"data: images have {len(sizes)} different sizes ({path} is {one[0]} x {one[1]}, {second} "
                f"is {other[0]} x {other[1]}); set one size for all of them: arguments: {{size: 64}}, and "
                "originals: true if a training needs the original pixels"
            )
        width, height = next(iter(sizes))
        return height, width, channels

    @functools.cached_property
    def _heads(self) -> Heads:
        return Heads.of(self._parts[0].files, self._upright)

    def _conversions(self) -> Iterator[str]:
        """Say what is done to the pixels of the development part."""
        heads, form = self._heads, self._form
        if heads.deep and form.bits == 16:
            yield f"{heads.deep} images have 16 bits per pixel, of which the upper 8 are kept"
        elif heads.deep:
            yield (
                f"{heads.deep} images have 16 bits per pixel, of which {form.bits} are used; the upper 8 of "
                "these are kept; for another number: arguments: {bits: 16}"
            )
        if heads.halved:
            yield (
                f"{count(heads.halved, 'image')} in colour with 16 bits per channel, of which the upper 8 "
                "are kept; if only the lower ones are used, convert them to 8 bits first"
            )
        if form.ground:
            yield (
                f"{count(heads.transparent, 'image')} can have transparent pixels, which are put on "
                f"{form.ground}; for another colour: arguments: {{ground: black}}"
            )
        if heads.stacks:
            yield (
                f"{count(len(heads.stacks), 'file')} with several images, of which the first is used, "
                f"such as {heads.stacks[0]}"
            )
        grey = sum(heads.modes[mode] for mode in GREY)
        if form.shape[2] == 3 and grey:
            yield f"{count(grey, 'grey image')} with three equal channels, as others are in colour"
        if heads.modes["CMYK"]:
            yield f"{count(heads.modes['CMYK'], 'image')} in CMYK, converted to RGB without a profile"

    def _report(self, labels: NDArray[np.int64]) -> DataReport:
        heads, form = self._heads, self._form
        conversions = list(self._conversions())
        if self.size is not None and any(size != (self.size, self.size) for size in heads.sizes):
            kept = "; crops of a training are cut from the originals" if self.originals else ""
            conversions.append(f"scaled to {self.size} x {self.size} and cropped around the middle{kept}")
        sizes = {f"{width} x {height}": n for (width, height), n in heads.sizes.items()}
        images = ImageReport(
            sum(heads.sizes.values()),
            sizes,
            dict(heads.modes),
            form.bits if heads.deep else 8,
            heads.turned,
            form.shape,
            tuple(conversions),
        )
        return DataReport(images=images, target=target_distribution(labels, self._classes, "classification"))

    @functools.cached_property
    def _warnings(self) -> tuple[str, ...]:
        sentences = list(left_out(self._train))
        turned = self._heads.turned
        if turned:
            sentences.append(
                f"{count(turned, 'image')} of the development part turned upright as their EXIF "
                "orientation says; to keep the pixels as they are stored: arguments: {orientation: as_stored}"
            )
        sentences += self._conversions()
        if twice := alike(self._classes, "class folders"):
            sentences.append(twice)
        if self._train != self.root:
            if self._unlabelled:
                sentences.append(
                    f"{self.root / 'test'} has no folder for any class: its {self._unlabelled} images have "
                    "no labels and are not used, and the test part is cut from the training images"
                )
            sentences += loose_images(self.root)
            if not self._unlabelled and (self.root / "test").is_dir():
                sentences += left_out(self.root / "test")
            others = sorted(p.name for p in class_folders(self.root) if p.name not in ("train", "test"))
            sentences += [f"the folder {self.root / name} is not used" for name in others]
        return tuple(sentences)

    def _decoded(self, part: LabelledFiles) -> Content:
        images = self.paths.blank((len(part.files), *self._shape), "uint8")
        digests: list[bytes] = []
        good: list[int] = []
        bad: list[str] = []
        read = functools.partial(decode, form=self._form)
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
        return Content(
            images[: len(good)],
            part.labels[good],
            self._info,
            identity=packed(digests),
            warnings=warnings,
            originals=self._kept([part.files[row] for row in good]),
        )

    def _kept(self, files: list[Path]) -> Originals | None:
        """Return the images in their own sizes if these are wanted and differ from the stored ones."""
        height, width = self._shape[:2]
        if not self.originals or set(self._heads.sizes) == {(width, height)}:
            return None
        return collected(files, self._form, self.paths.blank)


def open_folder(
    paths: SourcePaths,
    *,
    root: str,
    size: int | None = None,
    test_share: float = 0.2,
    broken: str = "error",
    orientation: str = "upright",
    ground: str = "white",
    bits: int | None = None,
    originals: bool = False,
) -> ImageFolder:
    """Return a folder of images as a source; nothing is read yet."""
    return ImageFolder(
        paths, paths.path(root), size, test_share, broken, orientation, ground, bits, originals
    )


def _file_digest(path: Path) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return hashlib.blake2b(file.readall(), digest_size=16).digest()
