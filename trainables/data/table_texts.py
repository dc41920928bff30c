"""Tables with columns of texts: rows as items, for training code of one's own.

An array of float32 has no room for texts. A table of which the spec says that a column holds them is
therefore read as a map-style data set is: every column is a field of a structured array, numbers as
float64, categories and texts as UTF-8.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.formatting import count
from hpo.core.trainable import DataInfo
from trainables.data import columns
from trainables.data.table_reading import Table

KIND = "items"
"""Kind of a table with texts; see `hpo.core.trainable.DataInfo`."""

LONGEST = 1 << 16
"""Bytes of the longest text that is stored: a column takes as many bytes in every row."""

Blank = Callable[[tuple[int, ...], np.dtype[Any]], NDArray[Any]]
"""Returns an array of zeros of a shape and type."""


@dataclass(frozen=True)
class TextTable:
    """How a table with columns of texts is read.

    Attributes:
        kinds: ``number``, ``time``, ``category`` or ``text`` of each input column, by name.
        target: Name of the target.
        task: ``classification`` or ``regression``.
        classes: Names of the classes.
        categories: Values of each categorical column in the development part.
    """

    kinds: Mapping[str, str]
    target: str
    task: str
    classes: tuple[str, ...]
    categories: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, info: DataInfo) -> TextTable:
        """Return how a table is read from its description."""
        texts = info.texts
        kinds = {
            name: "category" if name in info.categories else "text" if name in texts else "number"
            for name in info.columns
        }
        return cls(kinds, info.target, info.task, info.classes, info.categories)

    @property
    def info(self) -> DataInfo:
        """Describe the data set: a row is an item with a field for each column."""
        fields = {name: "str" if self._is_text(name) else "float" for name in self.kinds}
        fields[self.target] = "int" if self.task == "classification" else "float"
        shape = self._dtypes({})[1]
        names = tuple(self.kinds)
        return DataInfo(
            KIND, self.task, shape, self.classes, names, self.categories, fields=fields, target=self.target
        )

    def rows(self, table: Table, blank: Blank = np.zeros) -> NDArray[Any]:
        """Return a table's inputs, [n]: structured, or of a single column its values.

        Missing numbers are NaN, missing texts and categories empty.

        Raises:
            UserError: If a column is missing or has texts where numbers are expected, or if a number is
                infinite or a text too long.
        """
        texts = {
            name: _encoded(table, name, self.kinds[name] == "text")
            for name in self.kinds
            if self._is_text(name)
        }
        widths = {name: max((len(text) for text in of), default=1) or 1 for name, of in texts.items()}
        dtype, shape = self._dtypes(widths)
        inputs = blank((len(table), *shape), dtype)
        for name in self.kinds:
            values = texts[name] if name in texts else _numbers(table, name)
            if inputs.dtype.names:
                inputs[name] = values
            else:
                inputs[:] = values
        return inputs

    def missing(self, table: Table) -> tuple[str, ...]:
        """Say how many texts are missing in columns of texts."""
        counts = {name: table.columns[name].null_count for name, kind in self.kinds.items() if kind == "text"}
        return tuple(
            f"column {name}: {n:,} missing texts are read as empty ones" for name, n in counts.items() if n
        )

    def _is_text(self, name: str) -> bool:
        return self.kinds[name] in ("text", "category")

    def _dtypes(self, widths: Mapping[str, int]) -> tuple[np.dtype[Any], tuple[int, ...]]:
        types = {
            name: np.dtype(f"S{widths.get(name, 1)}") if self._is_text(name) else np.dtype("f8")
            for name in self.kinds
        }
        if len(types) == 1:
            return next(iter(types.values())), ()
        return np.dtype(list(types.items())), ()


def _encoded(table: Table, name: str, whole: bool) -> list[bytes]:
    column = table.column(name, "file")
    texts = [(text or "").encode() for text in (_unchanged(column) if whole else columns.texts(column))]
    long = next((row for row, text in enumerate(texts) if len(text) > LONGEST), None)
    if long is not None:
        raise UserError(
            f"data: column {name} has a text of {len(texts[long]):,} bytes in row {table.rows[long] + 1}; "
            f"legal: {LONGEST:,}"
        )
    return texts


def _unchanged(column: pa.Array) -> list[str | None]:
    """Return the texts of a column with the blanks around them; of other types, what a category would be."""
    texts = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    return list(column.to_pylist()) if texts else columns.texts(column)


def _numbers(table: Table, name: str) -> NDArray[np.float64]:
    column = table.column(name, "file")
    values = table.numbers(name)
    if values is None:
        cell = table.cell(name, columns.strays(column)[0])
        raise UserError(f"data: column {name} must be numeric, as in the development part; see {cell}")
    bad = np.flatnonzero(np.isinf(values))
    if len(bad):
        raise UserError(
            f"data: column {name} is infinite in {table.cell(name, int(bad[0]))} "
            f"({count(len(bad), 'such row')})"
        )
    return values
