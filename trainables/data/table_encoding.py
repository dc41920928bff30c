"""Encode tables as arrays: what was learnt from the development part, applied to any rows of its columns."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.formatting import count
from hpo.core.trainable import DataInfo
from trainables.data import columns
from trainables.data.precision import scaled
from trainables.data.table_reading import Table, brief

TO_KEEP = "; remove them, or list a text such as NA under `not_missing` if it is a class"

LARGEST = 1e100
"""Magnitude of a regression's targets up to which their squares and sums are finite."""


def float_targets(values: NDArray[Any]) -> NDArray[np.floating[Any]]:
    """Return targets of a regression as float32, or as float64 where float32 would lose their differences.

    Years in seconds, say, differ by less than float32 resolves.
    """
    exact = np.asarray(values, np.float64)
    with np.errstate(over="ignore"):
        rounded = exact.astype(np.float32)
    if not len(exact) or not np.isfinite(exact).all():
        return rounded
    with np.errstate(over="ignore"):  # of targets that are refused later
        loss, spread = float(np.abs(rounded - exact).max()), float(exact.std())
    return exact if loss > 1e-4 * spread else rounded


def encode(table: Table, info: DataInfo) -> tuple[NDArray[np.float32], dict[str, int]]:
    """Return a table's inputs in the encoding of a data set.

    Args:
        table: Any rows with the data set's columns.
        info: The data set's columns and their categories.

    Returns:
        Inputs [n, columns], categories as codes with ``len(categories)`` for unknown ones and NaN
        for missing values; and the number of unknown values per column, where it is not 0.

    Raises:
        UserError: If a column is missing, or has a text where numbers are expected.
    """
    inputs = np.zeros((len(table), len(info.columns)), np.float32)
    unknown = {}
    for index, name in enumerate(info.columns):
        column = table.column(name, "file")
        if name in info.categories:
            inputs[:, index], strange = columns.coded(column, info.categories[name])
            if strange:
                unknown[name] = strange
            continue
        values = table.numbers(name)
        if values is None:
            cell = table.cell(name, columns.strays(column)[0])
            raise UserError(f"data: column {name} must be numeric, as in the development part; see {cell}")
        with np.errstate(over="ignore"):  # what is too large becomes infinite, which is refused later
            inputs[:, index] = scaled(values, info.scaling.get(name))
    return inputs, unknown


def targets_of(table: Table, target: str, info: DataInfo) -> NDArray[Any]:
    """Return labels or values of a table's rows.

    Raises:
        UserError: If one is missing, not a number (regression) or not one of the classes.
    """
    column = table.column(target, "target")
    if column.null_count:
        row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise UserError(
            f"data: the target {target} is missing in {table.cell(target, row)}; "
            f"{count(column.null_count, 'such row')}{TO_KEEP if info.task == 'classification' else ''}"
        )
    if info.task == "regression":
        values = table.numbers(target)
        if values is None:
            cell = table.cell(target, columns.strays(column)[0])
            raise UserError(f"data: the target {target} must be numeric for regression; see {cell}")
        large = np.flatnonzero(np.abs(values) > LARGEST)
        if len(large):
            raise UserError(
                f"data: the target {target} is infinite or beyond {LARGEST:g} in "
                f"{table.cell(target, int(large[0]))} ({count(len(large), 'such row')}); "
                "correct or remove them"
            )
        return float_targets(values)
    labels, strange = columns.coded(column, info.classes)
    if strange:
        named = sorted(columns.distinct_texts(column) - set(info.classes))
        raise UserError(
            f"data: {strange} rows of {table.file} have classes missing from the development part: "
            f"{', '.join(brief(str(name)) for name in named[:5])}"
        )
    return labels.astype(np.int64)


def refuse_infinite(table: Table, info: DataInfo, inputs: NDArray[np.float32]) -> None:
    """Refuse numbers that are infinite, or too large for single precision.

    Raises:
        UserError: With the row of the file.
    """
    if not np.isinf(inputs).any():  # much faster than column by column
        return
    for index, name in enumerate(info.columns):
        bad = np.flatnonzero(np.isinf(inputs[:, index]))
        if len(bad):
            raise UserError(
                f"data: column {name} is infinite or beyond single precision in "
                f"{table.cell(name, int(bad[0]))} ({count(len(bad), 'such row')}); "
                f"correct it, or leave it out: arguments: {{ignore: [{name}]}}"
            )
