"""The inputs of a map-style data set that stays where it is: an array that reads items when it is indexed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.json_values import JsonFields
from trainables.data.item_fields import SHAPE, VALUES

LEAST = 1 << 30
"""Bytes that items would take from which they are not stored, but read whenever they are needed."""

MOST_COLUMNS = 64
"""Columns of a field by which rows are recognised."""


@dataclass(frozen=True)
class ItemInputs:
    """Looks like an array [n, ...] to code that indexes it by rows.

    Attributes:
        read: Reads the inputs of some rows, [k, ...].
        shape: Shape that the array would have.
        dtype: Its type.
        reference: What a worker needs to open the data set again: source, arguments and base.
    """

    read: Callable[[NDArray[np.int64]], NDArray[Any]]
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    reference: JsonFields

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, rows: Any) -> Any:
        """Return the inputs of a row, or of a slice or list of rows, which are read from the data set."""
        if isinstance(rows, int | np.integer):
            return self.read(np.array([range(len(self))[rows]]))[0]
        chosen = np.arange(len(self))[rows]
        return self.read(chosen)

    @property
    def ndim(self) -> int:
        """Number of dimensions."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes that the array would have."""
        return int(np.prod(self.shape)) * self.dtype.itemsize


def anonymous_bytes() -> int:
    """Return the bytes of memory that this process holds and that are no pages of a file."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0


def traits(inputs: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    """Return columns by which structured inputs and texts are recognised; none for an array of numbers."""
    names = inputs.dtype.names
    if names:
        return tuple(column for name in names for column in _columns(inputs[name]))
    return tuple(_columns(inputs)) if inputs.dtype.kind == "S" else ()


def _columns(values: NDArray[Any]) -> list[NDArray[Any]]:
    if values.dtype.names:  # as many columns however large the largest row of the part is
        flat = values[VALUES].reshape(len(values), -1)
        return [*values[SHAPE].T, flat.sum(1), flat[:, :1].sum(1)]
    if values.dtype.kind == "S":
        return [np.char.decode(values, "utf-8", "replace")]
    flat = values.reshape(len(values), -1)
    step = -(-flat.shape[1] // MOST_COLUMNS)
    return [np.asarray(flat[:, index]) for index in range(0, flat.shape[1], step)]
