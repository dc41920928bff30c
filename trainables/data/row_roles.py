"""Columns of a table that say how its rows are split: groups, times, and ids by which rows are known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from trainables.data import columns
from trainables.data.table_reading import Table


def group_names(table: Table, name: str | None) -> NDArray[Any] | None:
    """Return the group of each row, [n] of text; None without a column of groups.

    Raises:
        UserError: If a row has none.
    """
    return None if name is None else np.array(_names(table, name, "groups"))


def row_ids(table: Table, name: str | None) -> NDArray[Any] | None:
    """Return the id of each row, [n] of text; None without a column of ids.

    Raises:
        UserError: If a row has none, or two have the same.
    """
    if name is None:
        return None
    names = np.array(_names(table, name, "id"))
    ids, first, counts = np.unique(names, return_index=True, return_counts=True)
    if len(ids) < len(names):
        row = int(first[counts > 1].min())
        raise UserError(
            f"data.arguments.id: {int((counts > 1).sum())} values of column {name} occur more than once, "
            f"such as the one in {table.cell(name, row)}; a column that names several rows belongs "
            "under `groups`"
        )
    return names


def row_times(table: Table, name: str | None) -> NDArray[np.float64] | None:
    """Return the time of each row, [n]; None without a column of times.

    Raises:
        UserError: If the column has neither numbers nor dates, or a row has none.
    """
    if name is None:
        return None
    times = table.numbers(name)
    if times is None:
        cell = table.cell(name, columns.strays(table.columns[name])[0])
        raise UserError(
            f"data.arguments.time: column {name} has neither numbers nor ISO 8601 dates; see {cell}"
        )
    if np.isnan(times).any():
        cell = table.cell(name, int(np.flatnonzero(np.isnan(times))[0]))
        raise UserError(f"data.arguments.time: column {name} has no value in {cell}")
    return times


def tied_times(times: NDArray[np.float64] | None, name: str | None) -> tuple[str, ...]:
    """Return a sentence about rows that share their time with others."""
    if times is None:
        return ()
    _, counts = np.unique(times, return_counts=True)
    tied = int(counts[counts > 1].sum())
    words = f"{tied} of {len(times)} rows share their {name} with others and stay together"
    return (words,) if tied else ()


def _names(table: Table, name: str, role: str) -> list[str]:
    names = columns.canonical(table.columns[name])
    if "" in names:
        cell = table.cell(name, names.index(""))
        raise UserError(f"data.arguments.{role}: column {name} has no value in {cell}")
    return names
