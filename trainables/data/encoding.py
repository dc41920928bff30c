"""Tables as arrays: what the development part has taught, applied to any rows of the same columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.trainable import DataInfo
from trainables.data import columns
from trainables.data.table import Table


def encode(table: Table, info: DataInfo) -> tuple[NDArray[np.float32], dict[str, int]]:
    """A table's inputs as a data set has them.

    Args:
        table: Any rows with the data set's columns.
        info: What the data set is: its columns and their categories.

    Returns:
        Inputs [n, columns], categories as codes with ``len(categories)`` for unknown ones and NaN
        for missing values; and how many unknown ones each column has, where there are any.

    Raises:
        UserError: If a column is missing, or has a text where numbers are wanted.
    """
    inputs = np.zeros((len(table), len(info.columns)), np.float32)
    unknown = {}
    for place, name in enumerate(info.columns):
        column = table.column(name, "file")
        if name in info.categories:
            inputs[:, place], strange = columns.coded(column, info.categories[name])
            if strange:
                unknown[name] = strange
            continue
        values = columns.numbers(column)
        if values is None:
            where = table.cell(name, columns.strays(column)[0])
            raise UserError(f"data: column {name} must be numbers, as in the development part; see {where}")
        with np.errstate(over="ignore"):  # what is too large becomes infinite, which is refused
            inputs[:, place] = values
    return inputs, unknown


def targets_of(table: Table, target: str, info: DataInfo) -> NDArray[Any]:
    """Labels or values of a table's rows.

    Raises:
        UserError: If one is missing, no number (regression) or none of the classes.
    """
    column = table.column(target, "target")
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise UserError(
            f"data: the target {target} is missing in {table.cell(target, row)}; "
            f"{column.null_count} such rows"
        )
    if info.task == "regression":
        values = columns.numbers(column)
        if values is None:
            where = table.cell(target, columns.strays(column)[0])
            raise UserError(f"data: the target {target} must be numbers for regression; see {where}")
        return values.astype(np.float32)
    labels, strange = columns.coded(column, info.classes)
    if strange:
        named = sorted(set(columns.texts(column)) - set(info.classes), key=str)
        raise UserError(
            f"data: {strange} rows of {table.file} have classes that the development part lacks: "
            f"{', '.join(map(str, named[:5]))}"
        )
    return labels.astype(np.int64)
