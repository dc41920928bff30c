"""What is known of a data set once it was read: all that the rest of the service ever sees of it.

It lies beside the development part as ``manifest.json``. Of the test part it holds a count and
digests, from which no example and no label can be had.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.trainable import DataInfo

FORMAT = 2
"""Raised whenever the same source would be read into something else."""

MANIFEST = "manifest.json"
INPUTS = "inputs.npy"
TARGETS = "targets.npy"
GROUPS = "groups.npy"
TIMES = "times.npy"
TEST_DIGESTS = "test_digests.npy"
TEST_HASHES = "test_hashes.npy"
TEST_COPIES = "test_copies.npy"
NEAR = "near.json"


@dataclass(frozen=True, slots=True)
class TestManifest:
    """What is known of a sealed test part.

    Attributes:
        n: Number of its examples.
        fingerprint: SHA-256 of the set of its rows' digests; order and file names do not matter.
        digests: File of the digests, uint64 [n, 2], sorted.
        hashes: File of the perceptual hashes of images, uint64 [n, 4], sorted; None for others.
        copies: File of the development rows, int64, whose inputs are also in the test part.
        shared_groups: Number of groups that have rows in both parts.
    """

    __test__ = False

    n: int
    fingerprint: str
    digests: Path
    hashes: Path | None
    copies: Path
    shared_groups: int = 0


@dataclass(frozen=True, slots=True)
class Prepared:
    """A data set that is ready to be trained on.

    Attributes:
        folder: Where the arrays of the development part lie.
        fingerprint: Of the development part's content in its order and of the test part.
        info: What the data set is.
        n: Number of development examples.
        class_counts: Development examples of each class, in the order of the labels.
        test: What is known of the test part; None if there is none.
        warnings: What a user should know, each a sentence.
    """

    folder: Path
    fingerprint: str
    info: DataInfo
    n: int
    class_counts: tuple[int, ...]
    test: TestManifest | None
    warnings: tuple[str, ...] = ()

    def targets(self) -> NDArray[Any]:
        """Labels or values of the development part, [n]."""
        return mapped(self.folder / TARGETS)

    def groups(self) -> NDArray[Any] | None:
        """What each development row belongs to, [n]; None if the data has no groups."""
        return _optional(self.folder / GROUPS)

    def times(self) -> NDArray[Any] | None:
        """When each development row was, [n]; None if the data has no times."""
        return _optional(self.folder / TIMES)

    def to_json(self) -> dict[str, Any]:
        """The manifest: everything but the folder, with file sizes to tell an intact one by."""
        body = dataclasses.asdict(self)
        body["info"] = info_to_json(self.info)
        if self.test:
            files = {"digests": self.test.digests, "hashes": self.test.hashes, "copies": self.test.copies}
            body["test"] |= {name: file and file.name for name, file in files.items()}
        del body["folder"]
        sizes = {file.name: file.stat().st_size for file in sorted(self.folder.glob("*.npy"))}
        return {"format": FORMAT, **body, "sizes": sizes}


def read(folder: Path) -> Prepared | None:
    """The data set in a folder; None if there is none, or not all of it, or of another format."""
    try:
        body = json.loads((folder / MANIFEST).read_text())
        if body["format"] != FORMAT:
            return None
        if any((folder / name).stat().st_size != size for name, size in body["sizes"].items()):
            return None
    except (OSError, ValueError, KeyError):
        return None
    test = body["test"]
    return Prepared(
        folder,
        body["fingerprint"],
        info_from_json(body["info"]),
        body["n"],
        tuple(body["class_counts"]),
        test and _test_from_json(test, folder),
        tuple(body["warnings"]),
    )


def _test_from_json(body: Mapping[str, Any], folder: Path) -> TestManifest:
    return TestManifest(
        body["n"],
        body["fingerprint"],
        folder / body["digests"],
        folder / body["hashes"] if body["hashes"] else None,
        folder / body["copies"],
        body["shared_groups"],
    )


def mapped(path: Path) -> NDArray[Any]:
    """Map an array into memory, shared with every other process that does; writes stay private."""
    array: NDArray[Any] = np.load(path, mmap_mode="c", allow_pickle=False)
    return array


def _optional(path: Path) -> NDArray[Any] | None:
    return mapped(path) if path.exists() else None


def info_to_json(info: DataInfo) -> dict[str, Any]:
    """What the data set is, as a JSON value."""
    return dataclasses.asdict(info) | {"categories": {name: list(of) for name, of in info.categories.items()}}


def info_from_json(body: Mapping[str, Any]) -> DataInfo:
    """The opposite of `info_to_json`."""
    return DataInfo(
        body["kind"],
        body["task"],
        tuple(body["shape"]),
        tuple(body["classes"]),
        tuple(body["columns"]),
        {name: tuple(of) for name, of in body["categories"].items()},
        body["practice"],
    )
