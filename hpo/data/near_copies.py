"""Near copies between the parts of a data set: images that look the same, table rows that nearly agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hpo.core.json_values import JsonFields, SpecFields
from hpo.data.custodian import find_near_duplicates
from hpo.data.prepared import Prepared
from hpo.data.table_copies import MOST_COLUMNS, table_copies

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class NearCopies:
    """How many rows have a near copy in another part; None where that was not checked.

    Attributes:
        train_test: Training rows with one in the test part.
        validation_test: Validation rows with one in the test part.
        train_validation: Validation rows with one in the train part.
        column: Column of a table that differs in the most of them; empty if in none.
        shifted: Columns that are distributed differently in the test part, with the difference, 0 to 1.
        early: Number of test rows that are earlier than the latest development row.
        notes: What was not compared, each a sentence.
    """

    train_test: int | None = None
    validation_test: int | None = None
    train_validation: int | None = None
    column: str = ""
    shifted: Mapping[str, float] = field(default_factory=dict)
    early: int = 0
    notes: tuple[str, ...] = ()


def find_near_copies(
    data: Prepared, train: Rows, held_out: Rows, source: str, arguments: SpecFields, base: Path
) -> NearCopies:
    """Look for near copies between train, validation and test.

    Args:
        data: As returned by `prepare`.
        train: Training rows of its development part.
        held_out: Validation rows of either role.
        source: The source it was prepared from.
        arguments: The arguments it was prepared with.
        base: Folder that relative paths start from.

    Raises:
        UserError: If the source must be read again and cannot be.
    """
    kind = data.info.kind
    if kind not in ("image", "table"):
        return NearCopies(notes=("near copies were not looked for: the data is neither images nor a table",))
    if kind == "table" and data.info.shape[0] > MOST_COLUMNS:
        return NearCopies(notes=(f"near copies were not looked for: more than {MOST_COLUMNS} columns",))
    if kind == "table" and data.test is None:
        return _of_table(data, train, held_out, None)
    result = find_near_duplicates(data, source, arguments, base)
    if kind == "table":
        return _of_table(data, train, held_out, result)
    if not result["told"]:
        return NearCopies(
            notes=("near duplicates were not checked: these images are too small or too uniform",)
        )
    across = np.array(result["test"], np.int64) if data.test else None
    pairs = np.array(result["within"], np.int64).reshape(-1, 2)
    return NearCopies(_count(train, across), _count(held_out, across), _straddling(pairs, train, held_out))


def _of_table(data: Prepared, train: Rows, held_out: Rows, result: JsonFields | None) -> NearCopies:
    inputs = data.inputs()
    within = table_copies(inputs[train], inputs[held_out], data.info)
    across, column, notes = None, "", [_sampled("validation", within.searched, len(held_out))]
    if result is not None and data.test is not None:
        across, column = np.array(result["test"], np.int64), str(result["column"])
        notes.append(_sampled("test", result["searched"], data.test.n))
    return NearCopies(
        _count(train, across),
        _count(held_out, across),
        len(within.theirs),
        column or within.column(data.info),
        result.get("shifted", {}) if result else {},
        result.get("early", 0) if result else 0,
        tuple(note for note in notes if note),
    )


def _sampled(part: str, searched: int, rows: int) -> str:
    if not 0 < searched < rows:
        return ""
    return f"near copies were looked for in a random sample of {searched:,} of {rows:,} {part} rows"


def _count(rows: Rows, among: Rows | None) -> int | None:
    return None if among is None else int(np.isin(rows, among).sum())


def _straddling(pairs: Rows, train: Rows, held_out: Rows) -> int:
    both = np.concatenate([pairs, pairs[:, ::-1]])
    across = both[np.isin(both[:, 0], train) & np.isin(both[:, 1], held_out)]
    return len(np.unique(across[:, 1]))
