"""An array that lies in a file: found, recorded and opened again without being read or copied."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.formatting import size
from hpo.core.json_values import JsonFields, JsonObject
from trainables.data.private_map import mapped_bytes
from trainables.data.row_sample import sampled_rows

LEAST = 64 << 20
"""Bytes from which a memory map stays where it is; a smaller one is copied, so that its file may change."""


@dataclass(frozen=True)
class FileMap:
    """Where an array lies in a file.

    Attributes:
        file: Absolute path of the file.
        offset: Position of the first byte that any of its items has.
        span: Bytes from there to the end of its last item.
        start: Position of its first item, counted from ``offset``.
        shape: Its shape.
        strides: Bytes between neighbours along each axis.
        dtype: Its type, as `numpy.lib.format` describes it.
        size: Bytes of the file when it was read.
        modified: When the file had last been changed, in nanoseconds since 1970.
    """

    file: str
    offset: int
    span: int
    start: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: Any
    size: int
    modified: int

    @classmethod
    def of(cls, array: NDArray[Any]) -> FileMap | None:
        """Return where an array lies; None if it is in memory, or may differ from its file."""
        root = _root(array)
        if root is None or root.filename is None or root.mode == "c" or not array.size:
            return None
        path = Path(root.filename).absolute()
        low, high = byte_bounds(array)
        state = path.stat()
        return cls(
            str(path),
            root.offset + low - root.ctypes.data,
            high - low,
            array.ctypes.data - low,
            array.shape,
            array.strides,
            np.lib.format.dtype_to_descr(array.dtype),
            state.st_size,
            state.st_mtime_ns,
        )

    def open(self) -> NDArray[Any]:
        """Map the array; writes stay private.

        Raises:
            UserError: If the file changed since it was read, or does not exist.
        """
        path = Path(self.file)
        try:
            state = path.stat()
        except OSError as error:
            raise UserError(f"data: {path}, in which the inputs are, cannot be read: {error}") from error
        if (state.st_size, state.st_mtime_ns) != (self.size, self.modified):
            raise UserError(
                f"data: {path} has changed since it was read; read it again with `hpo check --data`"
            )
        content = mapped_bytes(path, self.offset, self.span)
        dtype = np.lib.format.descr_to_dtype(self.dtype)
        return np.ndarray(self.shape, dtype, buffer=content, offset=self.start, strides=self.strides)

    def to_json(self) -> JsonObject:
        """Return it as a JSON value."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, body: JsonFields) -> FileMap:
        """Return what `to_json` was given."""
        dtype = np.lib.format.dtype_to_descr(stored_dtype(body["dtype"]))
        shape, strides = tuple(body["shape"]), tuple(body["strides"])
        return cls(**{**body, "dtype": dtype, "shape": shape, "strides": strides})


def stored_dtype(descr: Any) -> np.dtype[Any]:
    """Return the type that a description from JSON stands for, which has lists for tuples."""
    return np.dtype(np.lib.format.descr_to_dtype(_with_tuples(descr)))


def _with_tuples(descr: Any) -> Any:
    """Return a description whose fields, and their shapes, are tuples again."""
    if isinstance(descr, str):
        return descr
    return [(name, _with_tuples(of), *map(tuple, shape)) for name, of, *shape in descr]


def stays_in_place(array: NDArray[Any]) -> bool:
    """Return whether an array is a memory map large enough to be left where it is."""
    return array.nbytes >= LEAST and FileMap.of(array) is not None


def in_place_note(inputs: NDArray[Any], digested: NDArray[np.int64] | None) -> str:
    """Return what the user should know about inputs that stay where they are: a memory map, or items.

    Args:
        inputs: The inputs, [n, ...].
        digested: The rows by which they are recognised; None for all.
    """
    n, checked = len(inputs), len(sampled_rows(inputs))
    note = (
        f"the inputs ({size(inputs.nbytes)}) stay where they are; they must not change, and must "
        "be readable wherever trials run; "
    )
    if digested is None:
        return f"{note}equal rows are looked for in all {n:,} rows, anything else in a sample of {checked:,}"
    share = size(len(digested) * (inputs.nbytes // n))
    return (
        f"{note}equal rows are looked for in {len(digested):,} of {n:,} rows ({share}), by which the data is "
        f"recognised, too, so a change of other rows is not noticed; anything else is looked for in a sample "
        f"of {checked:,}"
    )


def _root(array: Any) -> Any:
    """Return the memory map that an array is a view of; None if it is not one."""
    root = None
    while isinstance(array, np.ndarray):
        root = array if isinstance(array, np.memmap) else root
        array = array.base
    return root
