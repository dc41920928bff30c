"""Folders of classes: which files below them are images, with their labels, and which are left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.formatting import count
from trainables.data.image_files import ENDINGS

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


def class_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder, without hidden ones."""
    return [path for path in folder.iterdir() if path.is_dir() and not is_hidden(path, folder)]


def is_hidden(path: Path, folder: Path) -> bool:
    """Return whether a path below a folder belongs to a tool or an operating system, not to the data."""
    return any(part[0] == "." or part == HIDDEN for part in path.relative_to(folder).parts)


def refuse_parts(folder: Path, names: Sequence[str]) -> None:
    """Refuse folders that are named like the parts of a data set and hold further folders.

    Raises:
        UserError: If they would be taken for classes.
    """
    plain = {name: name.lower().replace("-", "_").removesuffix("_set").removesuffix("set") for name in names}
    training = [name for name in names if plain[name] in TRAINING and class_folders(folder / name)]
    others = [name for name in names if plain[name] in OTHER_PARTS]
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


def left_out(folder: Path) -> Iterator[str]:
    """Yield a sentence for each kind of file under a folder that is not read."""
    linked_classes = [path for path in class_folders(folder) if path.is_symlink()]
    paths = [*folder.rglob("*"), *(path for linked in linked_classes for path in linked.rglob("*"))]
    hidden = [path for path in paths if is_hidden(path, folder)]
    shown = sorted(set(paths) - set(hidden))
    unused = [path for path in shown if path.suffix.lower() not in ENDINGS and path.is_file()]
    images = sorted(path for path in hidden if path.suffix.lower() in ENDINGS and path.is_file())
    linked = [path for path in shown if path.is_symlink() and path.is_dir() and path.parent != folder]
    yield from loose_images(folder)
    if unused:
        yield f"{len(unused)} files are not images and are left out, such as {unused[0]}"
    if images:
        yield f"{count(len(images), 'hidden image')} left out, such as {images[0]}"
    dangling = [path for path in shown if path.is_symlink() and not path.exists()]
    if dangling:
        yield f"{count(len(dangling), 'link')} to files that do not exist left out, such as {dangling[0]}"
    if linked:
        yield f"{count(len(linked), 'linked folder')} within classes not read, such as {linked[0]}"


def loose_images(folder: Path) -> Iterator[str]:
    """Yield a sentence if there are images beside the folders in a folder."""
    loose = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and path.is_file())
    loose = [path for path in loose if not is_hidden(path, folder)]
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
        within = folder / name
        images = (path for path in within.rglob("*") if path.suffix.lower() in ENDINGS)
        members = sorted(
            path for path in images if (hidden or not is_hidden(path, within)) and path.is_file()
        )
        files += members
        labels += [label] * len(members)
    return LabelledFiles(tuple(files), np.array(labels, dtype=np.int64))
