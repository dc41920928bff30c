"""A data set after it was read: the only form of it that the rest of the service uses.

Its manifest is kept beside the development part as ``manifest.json``. Of the test part it holds only
a count and digests, which reveal no example and no label.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hpo.core.json_values import JsonFields, JsonObject, parsed
from hpo.core.trainable import DataInfo
from trainables.data.digests import key_name, row_digests
from trainables.data.file_map import FileMap
from trainables.data.items_in_place import inputs_in_place
from trainables.data.originals import Originals
from trainables.data.private_map import mapped_array

FORMAT = 2
"""Incremented whenever the same source would be read differently."""

MANIFEST = "manifest.json"
INPUTS = "inputs.npy"
TARGETS = "targets.npy"
GROUPS = "groups.npy"
TIMES = "times.npy"
ORIGINALS = "originals.npy"
ORIGINAL_INDEX = "original_index.npy"
"""Images in their own sizes, as `trainables.data.originals.Originals` has them; absent for other data."""
TEST_DIGESTS = "test_digests.npy"
TEST_HASHES = "test_hashes.npy"
TEST_COPIES = "test_copies.npy"
IN_PLACE = "in_place.json"
"""Where arrays lie that are not copied, by the name that a copy would have."""
READ_BY = "reader.json"
"""Version of the reader of such data, which has no cut that names it if it has no test part."""
DIGESTS = "digests.npy"
"""Digests of rows of such inputs, [k, 2], in the order of the rows."""
DIGESTED = "digested.npy"
"""The rows that have one, int64 [k]; absent if all have."""
SAMPLE = "sample"
"""Folder of the rows of such data whose values are checked, a prepared data set of its own."""
ROWS = "rows.npy"
"""In that folder: which rows they are, int64 [k], ascending."""
NEAR = "near.json"
REPEATED = "repeated.json"
"""Written once a second reading has returned the same rows."""
REPORT = "report.json"
SHORTCUTS = "file_shortcuts.json"
"""Properties of image files that predict the class, each with the share of the error that it removes."""


LATER: JsonFields = {"scaling": {}, "bits": 16, "ground": ""}
"""Fields of an `info` that were added after data had been fingerprinted, as they are if absent."""


def signature_file(folder: Path, key: bytes) -> Path:
    """Return the file of a data set's signature for the register with this key."""
    return folder / f"signature-{key_name(key)}.npz"


@dataclass(frozen=True, slots=True)
class TestManifest:
    """Counts and digests of a sealed test part.

    Attributes:
        n: Number of its examples.
        fingerprint: SHA-256 of the set of its row digests; order and file names do not matter.
        digests: File of the digests, uint64 [n, 2], sorted.
        hashes: File of the perceptual hashes of images, uint64 [n, 4], sorted; None for other data.
        copies: File of the development rows, int64, whose inputs are also in the test part.
        shared_groups: Number of groups with rows in both parts.
        targets: Digest of the set of its rows with their targets and original images, under the key of the
            test-use register; without a key for practice data and in earlier versions, and empty before it
            was on record.
    """

    __test__ = False

    n: int
    fingerprint: str
    digests: Path
    hashes: Path | None
    copies: Path
    shared_groups: int = 0
    targets: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A data set that is ready for training.

    Attributes:
        folder: Folder with the arrays of the development part.
        fingerprint: SHA-256 of the development part's content in its order and of the test part.
        info: Kind, task, shape, classes and columns.
        n: Number of development examples.
        class_counts: Development examples of each class, in the order of the labels.
        test: Counts and digests of the test part; None if the data has no test part.
        warnings: What the user should know, each a sentence.
    """

    folder: Path
    fingerprint: str
    info: DataInfo
    n: int
    class_counts: tuple[int, ...]
    test: TestManifest | None
    warnings: tuple[str, ...] = ()

    @property
    def cut_file(self) -> Path:
        """File of the cut on record: which rows are the test part. It may not exist."""
        folder = self.folder.parent if self.folder.name == SAMPLE else self.folder
        return folder.parent.parent / "cuts" / f"{folder.name}.npz"

    @property
    def sample(self) -> Prepared | None:
        """The rows whose values are checked, of data that stays where it is; None for other data."""
        return read(self.folder / SAMPLE) if is_in_place(self.folder) and self.folder.name != SAMPLE else None

    def inputs(self) -> NDArray[Any]:
        """Return the inputs of the development part, [n, ...], mapped."""
        return array(self.folder, INPUTS)

    def digests(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return digests of development rows, [k, 2], and these rows, [k]: all, or a sample of very many."""
        if not (self.folder / IN_PLACE).exists():
            return row_digests(self.inputs()), np.arange(self.n)
        rows = optional(self.folder / DIGESTED)
        return mapped(self.folder / DIGESTS), np.arange(self.n) if rows is None else rows

    def targets(self) -> NDArray[Any]:
        """Return labels or values of the development part, [n]."""
        return array(self.folder, TARGETS)

    def groups(self) -> NDArray[Any] | None:
        """Return the group of each development row, [n]; None if the data has no groups."""
        return optional(self.folder / GROUPS)

    def times(self) -> NDArray[Any] | None:
        """Return the time of each development row, [n]; None if the data has no times."""
        return optional(self.folder / TIMES)

    def report(self) -> JsonFields:
        """Return what the data was taken for, as `trainables.data.data_report.DataReport.to_json` has it.

        Empty for data that was prepared before reports were kept.
        """
        try:
            report: JsonFields = parsed((self.folder / REPORT).read_text())
        except (OSError, ValueError):
            return {}
        return report

    def file_shortcuts(self) -> Mapping[str, float] | None:
        """Return the properties of image files that alone predict the class; None if none were looked for."""
        try:
            shortcuts: JsonFields = parsed((self.folder / SHORTCUTS).read_text())
        except (OSError, ValueError):
            return None
        return shortcuts

    def to_json(self) -> JsonObject:
        """Return the manifest: everything except the folder, with file sizes to detect damage."""
        body = dataclasses.asdict(self)
        body["info"] = info_to_json(self.info)
        if self.test:
            files = {"digests": self.test.digests, "hashes": self.test.hashes, "copies": self.test.copies}
            body["test"] |= {name: file and file.name for name, file in files.items()}
        del body["folder"]
        sizes = {file.name: file.stat().st_size for file in sorted(self.folder.glob("*.npy"))}
        return {"format": FORMAT, **body, "sizes": sizes}


def read(folder: Path) -> Prepared | None:
    """Return the data set in a folder; None if it is absent, incomplete or of another format."""
    try:
        body = parsed((folder / MANIFEST).read_text())
        if body["format"] != FORMAT:
            return None
        if any((folder / name).stat().st_size != size for name, size in body["sizes"].items()):
            return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
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


def _test_from_json(body: JsonFields, folder: Path) -> TestManifest:
    return TestManifest(
        body["n"],
        body["fingerprint"],
        folder / body["digests"],
        folder / body["hashes"] if body["hashes"] else None,
        folder / body["copies"],
        body["shared_groups"],
        body.get("targets", ""),
    )


def mapped(path: Path) -> NDArray[Any]:
    """Map an array into memory, shared with every process that maps it; writes stay private."""
    return mapped_array(path)


def is_in_place(folder: Path) -> bool:
    """Return whether a prepared data set, or the one whose sample it is, was left where it is."""
    return (folder / IN_PLACE).exists() or (folder.name == SAMPLE and (folder.parent / IN_PLACE).exists())


def array(folder: Path, name: str) -> NDArray[Any]:
    """Map an array of a prepared data set: from the file that it stays in, as items, or from its copy.

    Raises:
        UserError: If the file that it stays in has changed.
    """
    if (folder / IN_PLACE).exists():
        reference = json.loads((folder / IN_PLACE).read_text()).get(name)
        if reference and "source" in reference:
            return cast("NDArray[Any]", inputs_in_place(reference))
        if reference:
            return FileMap.from_json(reference).open()
    return mapped(folder / name)


def originals(folder: Path, info: DataInfo) -> Originals | None:
    """Map the images in their own sizes; None if they were not kept."""
    encoded, index = optional(folder / ORIGINALS), optional(folder / ORIGINAL_INDEX)
    return None if encoded is None or index is None else Originals.of_arrays(encoded, index, info)


def optional(path: Path) -> NDArray[Any] | None:
    """Map an array; None if it does not exist."""
    return mapped(path) if path.exists() else None


def info_to_json(info: DataInfo) -> JsonObject:
    """Return the data's kind, task, shape, classes and columns as a JSON value."""
    body = dataclasses.asdict(info) | {"categories": {name: list(of) for name, of in info.categories.items()}}
    if not info.fields:  # data of other kinds keeps the fingerprint that it had before there were items
        del body["fields"], body["target"]
    body["scaling"] = {name: list(of) for name, of in info.scaling.items()}
    for name, absent in LATER.items():  # likewise
        if body[name] == absent:
            del body[name]
    return body


def info_from_json(body: JsonFields) -> DataInfo:
    """Return what `info_to_json` was given."""
    return DataInfo(
        body["kind"],
        body["task"],
        tuple(body["shape"]),
        tuple(body["classes"]),
        tuple(body["columns"]),
        {name: tuple(of) for name, of in body["categories"].items()},
        body["practice"],
        body.get("fields", {}),
        body.get("target", ""),
        {name: (offset, scale) for name, (offset, scale) in body.get("scaling", {}).items()},
        body.get("bits", LATER["bits"]),
        body.get("ground", LATER["ground"]),
    )
