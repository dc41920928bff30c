"""The report of a table: what each column was taken for, why, and what is odd about it."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc

from trainables.data.column_kinds import ColumnKind
from trainables.data.data_report import ColumnReport
from trainables.data.table_reading import Table

LEFT_OUT = "left out"
"""What a column is taken for that a table cannot hold."""


def column_reports(
    table: Table,
    kinds: Mapping[str, ColumnKind],
    notes: Mapping[str, tuple[str, ...]],
    left_out: Mapping[str, str],
) -> tuple[ColumnReport, ...]:
    """Return a report of every column.

    Args:
        table: The development part.
        kinds: What its columns are taken for.
        notes: What is odd about columns.
        left_out: A sentence about each column of the file that is not in the table.
    """
    omitted = (
        ColumnReport(name, LEFT_OUT, why.removeprefix(f"column {name} "), 0, 0, (why,))
        for name, why in left_out.items()
    )
    read = (
        ColumnReport(
            name,
            kind.kind,
            kind.why,
            int(table.columns[name].null_count),
            distinct_values(table.columns[name]),
            (*((kind.warning,) if kind.warning else ()), *notes.get(name, ())),
        )
        for name, kind in kinds.items()
    )
    return (*read, *omitted)


def distinct_values(column: pa.Array) -> int:
    """Return how many different values a column has, missing ones aside."""
    if column.null_count == len(column):
        return 0
    if pa.types.is_dictionary(column.type):
        return len(pc.unique(column.drop_null().indices))
    return int(pc.count_distinct(column).as_py())
