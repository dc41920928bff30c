"""Folders of classes: which files below them are images, with their labels, and which are left out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.formatting import count
from trainables.data.file_tree import below, in_order, is_hidden_name, is_image_name
from trainables.data.image_files import ENDINGS

TRAINING = frozenset(["train", "training"])
OTHER_PARTS = frozenset(["test", "testing", "val", "valid", "validation"])
"""Words in names of folders that hold parts of a data set rather than a class, such as ``seg_train``."""

OTHER_FORMATS = frozenset(
    [".avif", ".cr2", ".dcm", ".dng", ".heic", ".heif", ".jp2", ".jxl", ".nef", ".npy", ".psd", ".svg"]
)
"""Endings of images, and of arrays, that are not read."""

WORD = re.compile(r"[a-z]+")


@dataclass(frozen=True)
class LabelledFiles:
    """Image files of one part, in a fixed order, with the labels of their folders."""

    files: tuple[Path, ...]
    labels: NDArray[np.int64]

    def take(self, mask: NDArray[np.bool_]) -> LabelledFiles:
        """Return some of the files."""
        kept = np.flatnonzero(mask)
        return LabelledFiles(tuple(self.files[row] for row in kept), self.labels[kept])

    def names(self, folder: Path) -> list[str]:
        """Return the paths of the files below a folder, without their endings."""
        above = os.path.join(folder, "")
        return [os.path.splitext(str(path).removeprefix(above))[0] for path in self.files]


def class_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, without hidden ones."""
    return [path for path in folder.iterdir() if path.is_dir() and not is_hidden(path, folder)]


def is_hidden(path: Path, folder: Path) -> bool:
    """Return whether a path below a folder belongs to a tool or an operating system, not to the data."""
    return any(map(is_hidden_name, path.relative_to(folder).parts))


def refuse_parts(folder: Path, names: Sequence[str]) -> None:
    """Refuse folders that are named like the parts of a data set, the training part with further folders.

    Raises:
        UserError: If they would be taken for classes.
    """
    words = {name: {word.removesuffix("set") for word in WORD.findall(name.lower())} for name in names}
    training = [name for name in names if words[name] & TRAINING and class_folders(folder / name)]
    others = [name for name in names if words[name] & OTHER_PARTS and name not in training]
    if training and others:
        raise UserError(
            f"data: the folders {', '.join([*training, *others])} of {folder} are named like the parts of a "
            "data set, but would be taken for classes; rename those of the training and test part to "
            "train and test, or classes to something else"
        )


def refuse_undecodable(folder: Path, names: Sequence[str]) -> None:
    """Refuse names of classes that hold bytes which are no characters of UTF-8.

    Raises:
        UserError: If there is one.
    """
    for name in names:
        if name != name.encode(errors="ignore").decode():
            raise UserError(
                f"data: the folder {folder / name} has a name that is not encoded as UTF-8; rename it"
            )


def endings_in(folder: Path) -> str:
    """Say which endings the files below a folder have that has no images, and which are legal."""
    files = [entry.name for entry, hidden in below(folder) if not hidden and entry.is_file()]
    endings = sorted({os.path.splitext(name)[1] or "none" for name in files})
    found = f"{count(len(files), 'file')} there with the ending {', '.join(endings[:5])}; " if files else ""
    return f"{found}legal endings: {', '.join(sorted(ENDINGS))}"


def left_out(folder: Path) -> Iterator[str]:
    """Yield a sentence for each kind of file under a folder that is not read."""
    entries = list(below(folder))
    linked_classes = sorted(path for path in class_folders(folder) if path.is_symlink())
    for linked_class in linked_classes:
        entries += below(linked_class)
    links = [entry for entry, hidden in entries if not hidden and entry.is_symlink()]
    yield from loose_images(folder)
    unused = _named(e for e, hidden in entries if not hidden and not is_image_name(e.name) and e.is_file())
    unread = [path for path in unused if os.path.splitext(path)[1].lower() in OTHER_FORMATS]
    if unread:
        yield (
            f"{count(len(unread), 'image')} in a format that is not read left out, such as {unread[0]}; "
            "convert such images to PNG or JPEG"
        )
    others = unused if not unread else in_order(list({*unused} - {*unread}))
    if others:
        one = len(others) == 1
        what = "1 file is not an image and is" if one else f"{len(others)} files are not images and are"
        yield f"{what} left out, such as {others[0]}"
    images = _named(e for e, hidden in entries if hidden and is_image_name(e.name) and e.is_file())
    if images:
        yield f"{count(len(images), 'hidden image')} left out, such as {images[0]}"
    dangling = _named(entry for entry in links if not os.path.exists(entry.path))
    if dangling:
        yield f"{count(len(dangling), 'link')} to files that do not exist left out, such as {dangling[0]}"
    if linked_classes:
        first = linked_classes[0]
        words = f"such as {first} from {first.resolve()}"
        yield f"{count(len(linked_classes), 'class folder')} read through a link, {words}"
    linked = _named(e for e in links if e.is_dir() and os.path.dirname(e.path) != str(folder))
    if linked:
        yield f"{count(len(linked), 'linked folder')} within classes not read, such as {linked[0]}"


def _named(entries: Iterable[os.DirEntry[str]]) -> list[str]:
    return in_order([entry.path for entry in entries])


def loose_images(folder: Path) -> Iterator[str]:
    """Yield a sentence if there are images beside the folders in a folder."""
    named = (entry for entry in os.scandir(folder) if is_image_name(entry.name))
    loose = _named(entry for entry in named if entry.is_file() and not is_hidden_name(entry.name))
    if loose:
        yield f"{count(len(loose), 'image')} in no class folder left out, such as {loose[0]}"


def labelled_files(folder: Path, classes: Sequence[str], hidden: bool) -> LabelledFiles:
    """Return the images of every class, sorted by name.

    Args:
        folder: The folder of the class folders.
        classes: Their names, in the order of the labels.
        hidden: Whether to include hidden files, as the first version of the readers did.
    """
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        shown = (entry for entry, out in below(folder / name) if hidden or not out)
        members = _named(entry for entry in shown if is_image_name(entry.name) and entry.is_file())
        files += map(Path, members)
        labels += [label] * len(members)
    return LabelledFiles(tuple(files), np.array(labels, dtype=np.int64))
