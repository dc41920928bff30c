"""What a source returns: one part of a data set, checked when it is created."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.formatting import count
from hpo.core.trainable import DataInfo
from trainables.data.data_report import DataReport
from trainables.data.digests import labelled_digest, row_digests
from trainables.data.file_facts import FileFacts
from trainables.data.item_inputs import traits
from trainables.data.originals import Originals
from trainables.data.row_sample import sampled_rows
from trainables.data.uncut import READER, Cutter

IN_MEMORY = 64 << 20


@dataclass(frozen=True, slots=True)
class SourcePaths:
    """Where a source finds its files and may write what does not fit into memory.

    Attributes:
        base: Folder that relative paths start from: the spec's folder.
        scratch: A private folder that is removed when the reading process ends.
        cutter: Decides which rows are the test part where a source has none; None for the first cut.
        reader: Version of the readers, `trainables.data.uncut.READER`: a search reads as it did at first.
    """

    base: Path
    scratch: Path
    cutter: Cutter | None = None
    reader: int = READER

    def path(self, name: str) -> Path:
        """Return an absolute path for what a user wrote; ``~`` is the user's home folder."""
        return (self.base / Path(name).expanduser()).absolute()

    def blank(self, shape: tuple[int, ...], dtype: str | np.dtype[Any]) -> NDArray[Any]:
        """Return an array of zeros to fill; a large one is backed by an unnamed temporary file."""
        if int(np.prod(shape)) * np.dtype(dtype).itemsize <= IN_MEMORY:
            return np.zeros(shape, dtype)
        with tempfile.TemporaryFile(dir=self.scratch) as file:
            return np.memmap(file, dtype=dtype, mode="w+", shape=shape)


@dataclass(frozen=True)
class Content:
    """One part of a data set.

    Attributes:
        inputs: uint8 [n, height, width, channels] for images, float32 [n, columns] for tables, any
            array [n, ...] otherwise, structured if there are several inputs.
        targets: int64 labels [n], or float32 values [n] for regression (float64 where float32 would
            lose their differences); any array [n, ...] for other tasks.
        info: Kind, task, shape, classes and columns; the same for both parts.
        groups: Group of each row, [n] of int64 or text; None if it has no groups.
        times: Time of each row, [n] of float64; None if it has no times.
        identity: Digests [n, 2] by which rows are recognised, where these cover more than the
            inputs (an image before it was scaled, columns that are not used).
        warnings: What the user should know, each a sentence with its count.
        positions: Position of each row in the file that both parts were cut from, [n]; None if the
            parts were separate.
        traits: Columns by which the data is recognised, numbers or texts, [n] each, where these
            are more than the inputs (columns that are not used); empty otherwise.
        names: Names of the traits; empty where they have none.
        report: What the reader took the data for; None where it has nothing to say.
        in_place: Whether the inputs stay where they are, outside the home and memory.
        digested: Rows that `digests` covers, ascending; None for all.
        files: Properties of the files that its images were read from; None for other data.
        originals: The images in their own sizes; None where the inputs are all that is kept.
        digester: Computes what `digests` returns, of data that stays where it is: whoever does not ask for
            it does not wait for the data to be read.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    info: DataInfo
    groups: NDArray[Any] | None = None
    times: NDArray[np.float64] | None = None
    identity: NDArray[np.uint64] | None = None
    warnings: tuple[str, ...] = ()
    positions: NDArray[np.int64] | None = None
    traits: tuple[NDArray[Any], ...] = ()
    report: DataReport | None = None
    in_place: bool = False
    digested: NDArray[np.int64] | None = None
    files: FileFacts | None = None
    names: tuple[str, ...] = ()
    originals: Originals | None = None
    digester: Callable[[], NDArray[np.uint64]] | None = None

    def __post_init__(self) -> None:
        for complaint in (_shape_complaint(self), _target_complaint(self), _side_complaint(self)):
            if complaint:
                raise UserError(f"data: {complaint}")

    def __len__(self) -> int:
        return len(self.targets)

    def digests(self) -> NDArray[np.uint64]:
        """Return the digests by which rows are recognised, [n, 2], or [k, 2] of the digested ones."""
        return self._digests

    @functools.cached_property
    def _digests(self) -> NDArray[np.uint64]:
        if self.digester is not None:
            return self.digester()
        return row_digests(self.inputs) if self.identity is None else self.identity

    def labelled_digest(
        self, digests: NDArray[np.uint64], key: bytes | None = None, originals: bool = True
    ) -> str:
        """Return a digest of the set of rows with their targets and, if there are any, original images.

        Args:
            digests: What `digests` returns.
            key: A secret; None for public data.
            originals: Whether original images count, as they did not in earlier versions.
        """
        if originals and self.originals is not None:
            digests = np.concatenate([digests, self.originals.digests()], axis=1)
        return labelled_digest(digests, self.targets, key, self.digested)

    def sample(self) -> Content:
        """Return the rows whose values are checked: of data that stays in its place a few, otherwise all."""
        if not self.in_place:
            return self
        few = self.take(sampled_rows(self.inputs))
        return few if few.traits else replace(few, traits=traits(few.inputs))

    def take(self, rows: NDArray[np.int64]) -> Content:
        """Return the same data set with some of its rows without its warnings and report."""
        return Content(
            self.inputs[rows],
            self.targets[rows],
            self.info,
            None if self.groups is None else self.groups[rows],
            None if self.times is None else self.times[rows],
            None if self.identity is None else self.identity[rows],
            positions=None if self.positions is None else self.positions[rows],
            traits=tuple(column[rows] for column in self.traits),
            names=self.names,
            originals=None if self.originals is None else self.originals.take(rows),
        )


class Source(Protocol):
    """A data set that is read in two parts.

    Creating one opens no file. Reading raises `UserError` for what a user can fix.
    """

    def state(self) -> list[str] | None:
        """Return everything besides the arguments that determines the content, without opening a file.

        None if it is unknown, so that the data must be read again each time.
        """
        ...

    def development(self) -> Content:
        """Return the rows for training and validation."""
        ...

    def test(self) -> Content | None:
        """Return the sealed part; None if the data set has none."""
        ...


def _shape_complaint(content: Content) -> str | None:
    inputs, info = content.inputs, content.info
    if len(inputs) != len(content.targets):
        return f"{len(inputs)} inputs but {len(content.targets)} targets"
    if len(inputs) == 0:
        return "it has no examples"
    if tuple(inputs.shape[1:]) != info.shape:
        return f"inputs have shape {inputs.shape[1:]}, not the declared shape {info.shape}"
    if info.kind == "image" and (inputs.dtype != np.uint8 or inputs.ndim != 4):
        return f"images must be uint8 [n, height, width, channels], not {inputs.dtype} {inputs.shape}"
    if info.kind == "table" and (inputs.dtype != np.float32 or inputs.ndim != 2):
        return f"a table must be float32 [n, columns], not {inputs.dtype} {inputs.shape}"
    if inputs.dtype.kind == "f" and not content.in_place:
        for column in range(inputs.shape[1] if info.kind == "table" else 0):
            bad = np.flatnonzero(np.isinf(inputs[:, column]))
            if len(bad):
                name = info.columns[column] if info.columns else str(column)
                return f"column {name} is infinite in row {bad[0]} ({count(len(bad), 'such row')})"
    return None


def _target_complaint(content: Content) -> str | None:
    targets, info = content.targets, content.info
    if info.task == "other":
        return None
    if targets.ndim != 1:
        return f"targets must be one per example, not of shape {targets.shape}"
    if info.task == "regression":
        if targets.dtype not in (np.float32, np.float64):
            return f"targets of regression must be float32 or float64, not {targets.dtype}"
        broken = np.flatnonzero(~np.isfinite(targets))
        first = f"the target of row {broken[0]} is not a finite number" if len(broken) else None
        return first and f"{first} ({count(len(broken), 'such row')})"
    if targets.dtype != np.int64:
        return f"labels must be int64, not {targets.dtype}"
    bad = np.flatnonzero((targets < 0) | (targets >= len(info.classes)))
    if len(bad):
        legal = f"0 to {len(info.classes) - 1}"
        return f"label {targets[bad[0]]} of row {bad[0]} is outside {legal} ({count(len(bad), 'such row')})"
    return None


def _side_complaint(content: Content) -> str | None:
    sides = {
        "groups": content.groups,
        "times": content.times,
        "row digests": content.identity if content.digested is None else None,
        "positions": content.positions,
        "originals": content.originals,
        **{f"values of column {index}": column for index, column in enumerate(content.traits)},
    }
    for name, side in sides.items():
        if side is not None and len(side) != len(content):
            return f"{len(side)} {name} but {len(content)} examples"
    if content.times is not None and not np.isfinite(content.times).all():
        row = np.flatnonzero(~np.isfinite(content.times))[0]
        return f"the time of row {row} is missing or not finite"
    return None
