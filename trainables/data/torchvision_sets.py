"""torchvision's classification data sets, read from its own folder layout."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from trainables.data.content import Content, SourcePaths
from trainables.data.file_state import state_of
from trainables.data.image_files import PixelFormat
from trainables.data.originals import Originals, collected


@dataclass(frozen=True, slots=True)
class Layout:
    """How torchvision names one data set.

    Attributes:
        cls: The class in ``torchvision.datasets``.
        folders: Folders of its files under the root; empty for the root itself.
        development: Arguments that select the development part, one mapping per piece.
        test: Arguments that select the test part.
        size: Height and width that images are scaled to; None where all images have one size.
    """

    cls: str
    folders: tuple[str, ...]
    development: tuple[dict[str, Any], ...]
    test: dict[str, Any]
    size: int | None = None


def _flagged(cls: str, *folders: str) -> Layout:
    return Layout(cls, folders, ({"train": True},), {"train": False})


def _named(cls: str, *folders: str, pieces: tuple[str, ...] = ("train",), size: int | None = None) -> Layout:
    return Layout(cls, folders, tuple({"split": piece} for piece in pieces), {"split": "test"}, size)


FILES = ("_image_files", "_images", "_samples", "samples")
"""Under which of these names torchvision's data sets list their image files, some with their labels."""

LAYOUTS: dict[str, Layout] = {
    "mnist": _flagged("MNIST", "MNIST"),
    "fashion_mnist": _flagged("FashionMNIST", "FashionMNIST"),
    "kmnist": _flagged("KMNIST", "KMNIST"),
    "qmnist": _flagged("QMNIST", "QMNIST"),
    "emnist_balanced": Layout(
        "EMNIST",
        ("EMNIST",),
        ({"split": "balanced", "train": True},),
        {"split": "balanced", "train": False},
    ),
    "usps": _flagged("USPS"),
    "cifar10": _flagged("CIFAR10", "cifar-10-batches-py"),
    "cifar100": _flagged("CIFAR100", "cifar-100-python"),
    "svhn": _named("SVHN"),
    "stl10": _named("STL10", "stl10_binary"),
    "gtsrb": _named("GTSRB", "gtsrb", size=32),
    "flowers102": _named("Flowers102", "flowers-102", pieces=("train", "val"), size=64),
    "dtd": _named("DTD", "dtd", pieces=("train", "val"), size=64),
    "food101": _named("Food101", "food-101", size=64),
    "oxford_iiit_pet": _named("OxfordIIITPet", "oxford-iiit-pet", pieces=("trainval",), size=64),
    "fgvc_aircraft": _named("FGVCAircraft", "fgvc-aircraft-2013b", pieces=("trainval",), size=64),
    "country211": _named("Country211", "country211", pieces=("train", "valid"), size=64),
}


@dataclass(frozen=True)
class TorchvisionSet:
    """One of torchvision's data sets under a root folder.

    Attributes:
        name: Its name in `LAYOUTS`.
        paths: Where paths start.
        root: The folder passed to torchvision.
        download: Whether missing files may be downloaded.
        size: Height and width of the images, where they differ in the source.
        originals: Whether to keep the images in their own sizes as well, where they differ.
    """

    name: str
    paths: SourcePaths
    root: Path
    download: bool = False
    size: int | None = None
    originals: bool = False

    def state(self) -> list[str] | None:
        """Return the version of torchvision and the state of the data set's files."""
        folders = LAYOUTS[self.name].folders or ("",)
        lines = state_of([self.root / folder for folder in folders])
        return lines and [f"torchvision {version('torchvision')}", *lines]

    def development(self) -> Content:
        """Return the train part, with the data set's own validation part where it has one."""
        return self._read(LAYOUTS[self.name].development)

    def test(self) -> Content:
        """Return the official test part."""
        return self._read((LAYOUTS[self.name].test,))

    def _read(self, pieces: tuple[dict[str, Any], ...]) -> Content:
        opened = [self._open(piece) for piece in pieces]
        read = [self._arrays(dataset) for dataset in opened]
        images = read[0][0] if len(read) == 1 else np.concatenate([images for images, _ in read])
        labels = np.concatenate([labels for _, labels in read])
        classes = _class_names(opened[0], labels)
        info = DataInfo("image", "classification", images.shape[1:], classes)
        originals = self._kept(opened, info) if self.originals else None
        return Content(images, labels, info, originals=originals)

    def _kept(self, opened: list[Any], info: DataInfo) -> Originals:
        """Return the files of data sets, which torchvision does not turn upright."""
        lists = [
            next(getattr(dataset, name) for name in FILES if hasattr(dataset, name)) for dataset in opened
        ]
        files = [Path(item[0] if isinstance(item, tuple) else item) for listed in lists for item in listed]
        form = PixelFormat((0, 0, info.shape[2]), upright=False, ground=info.ground)
        return collected(files, form, self.paths.blank)

    def _open(self, piece: dict[str, Any]) -> Any:
        folders = [self.root / folder for folder in LAYOUTS[self.name].folders or ("",)]
        if not self.download and not any(folder.is_dir() for folder in folders):  # spares loading torch
            raise UserError(
                f"data: {self.name} is not at {self.root}: the folder {folders[0]} does not exist; with "
                "`download: true` torchvision downloads it"
            )
        from trainables import torchvision_ops  # noqa: F401  declares what a CPU build lacks

        import torchvision  # isort: skip

        cls = getattr(torchvision.datasets, LAYOUTS[self.name].cls)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return cls(str(self.root), download=self.download, **piece)
        except Exception as error:  # a damaged file can make its readers raise anything
            hint = "" if self.download else "; with `download: true` torchvision downloads it"
            raise UserError(
                f"data: {self.name} cannot be read from {self.root}: {error or type(error).__name__}{hint}"
            ) from error

    def _arrays(self, dataset: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        held = getattr(dataset, "data", None)
        if held is None or LAYOUTS[self.name].size is not None:
            return self._decoded(dataset)
        images = np.asarray(held)
        labels = np.asarray(dataset.targets if hasattr(dataset, "targets") else dataset.labels)
        labels = labels[:, 0] if labels.ndim == 2 else labels  # QMNIST stores more than the digit
        if images.ndim == 3:
            images = images[..., None]
        elif self.name in ("svhn", "stl10"):
            images = images.transpose(0, 2, 3, 1)
        return np.ascontiguousarray(images, dtype=np.uint8), labels.astype(np.int64)

    def _decoded(self, dataset: Any) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        from PIL import Image

        side = self.size or LAYOUTS[self.name].size or 32
        images = self.paths.blank((len(dataset), side, side, 3), "uint8")
        labels = np.zeros(len(dataset), dtype=np.int64)
        for row in range(len(dataset)):
            image, labels[row] = dataset[row]
            images[row] = np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BILINEAR))
        return images, labels


def open_set(
    paths: SourcePaths,
    *,
    name: str,
    root: str,
    download: bool = False,
    size: int | None = None,
    originals: bool = False,
) -> TorchvisionSet:
    """Return a torchvision data set as a source; nothing is read yet."""
    return TorchvisionSet(name, paths, paths.path(root), download, size, originals)


def _class_names(dataset: Any, labels: NDArray[np.int64]) -> tuple[str, ...]:
    names = getattr(dataset, "classes", None)
    return tuple(str(name) for name in (range(int(labels.max()) + 1) if names is None else names))
