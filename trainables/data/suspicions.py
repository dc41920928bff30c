"""What is odd about the columns of a table, so that it is said before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hpo.core.trainable import DataInfo
from trainables.data import columns
from trainables.data.missing_codes import missing_code
from trainables.data.odd_texts import alike, loses_zeros
from trainables.data.precision import EXACT, LOST, rounding, sentence
from trainables.data.table_reading import Table, brief

FEW = 20
"""Rows below which all values of a column are often different whole numbers."""

NAMES = frozenset(["id", "index", "idx", "rowid", "row_id", "uuid", "guid", "key", "no", "nr", "number"])
"""Names of columns that identify rows, in lower case; so do those that end in one of `ENDINGS`."""

ENDINGS = ("_id", " id", "_uuid", "_key", "_index", "_no", "_nr")


def suspicions(table: Table, info: DataInfo, scaled: bool = True) -> dict[str, tuple[str, ...]]:
    """Return sentences about each input column that looks like an identifier, is constant or loses digits.

    Args:
        table: The development part.
        info: Its inputs.
        scaled: Whether columns that float32 would round were scaled, so that it rounds no others.
    """
    found = {}
    for name in info.columns:
        values = None if name in info.categories else table.numbers(name)
        sentences = (
            _of_texts(name, table, info)
            if values is None
            else (
                *_of_numbers(name, values, table.rows, dates=columns.holds_dates(table.columns[name])),
                *_of_precision(name, values, info, scaled),
                *_of_missing_codes(name, table),
                *_of_codes(name, table),
            )
        )
        if sentences:
            found[name] = tuple(sentences)
    return found


def _of_texts(name: str, table: Table, info: DataInfo) -> tuple[str, ...]:
    names = info.categories[name]
    if twice := alike(names, "categories"):
        return (f"column {name}: {twice}",)
    if len(names) != 1 or table.columns[name].null_count:
        return ()
    return (f"column {name} has the value {brief(repr(names[0]))} in every row",)


def _of_codes(name: str, table: Table) -> tuple[str, ...]:
    """Say that a column of numbers holds codes, such as postal codes, that begin with zeros."""
    code = loses_zeros(table.columns[name])
    if not code:
        return ()
    return (
        f"column {name}: values such as {brief(repr(code))} are read as numbers, without the zeros at their "
        "beginning; if they are codes, list it under `categorical`",
    )


def _of_numbers(
    name: str, values: NDArray[np.float64], rows: NDArray[np.int64], dates: bool
) -> Iterator[str]:
    spread = np.ptp(values)
    if spread == 0:
        yield f"column {name} has the value {values[0]:.6g} in every row"
    if not dates and len(values) > FEW and spread >= len(values) - 1 and _is_whole(values):
        ordered = np.sort(values)  # only where enough whole numbers lie between the ends
        if np.ptp(values - rows) == 0:
            yield f"column {name} is the number of the row; to leave it out, list it under `ignore`"
        elif (ordered[1:] > ordered[:-1]).all():
            yield (
                f"column {name} has a different whole number in every row; if it is an identifier, list it "
                "under `ignore`"
            )
        elif is_identifying_name(name) and columns.MOSTLY * len(ordered) < (ordered[1:] > ordered[:-1]).sum():
            yield f"column {name} has the name of an identifier; if it is one, list it under `ignore`"


def _of_precision(name: str, values: NDArray[np.float64], info: DataInfo, scaled: bool) -> Iterator[str]:
    if name in info.scaling:
        yield sentence(name, values, info.scaling[name])
    elif not scaled and (rounded := rounding(values)) > LOST:
        yield (
            f"column {name}: single precision rounds its values by up to {rounded:.2g} of their standard "
            "deviation; subtract an offset before, or store differences"
        )
    if len(values) and np.abs(values[:FEW]).max() >= EXACT and _is_whole(values):
        yield (
            f"column {name} has whole numbers beyond {EXACT:,.0f}, which are rounded to 15 or 16 digits; "
            "if it is an identifier, list it under `ignore`"
        )


def _of_missing_codes(name: str, table: Table) -> tuple[str, ...]:
    words = "" if columns.holds_dates(table.columns[name]) else missing_code_words(name, table)
    return (f"column {name}: {words}",) if words else ()


def missing_code_words(name: str, table: Table) -> str:
    """Say that a number in a column probably stands for a missing one; nothing if none does."""
    values = table.numbers(name)
    code = None if values is None else missing_code(values)
    if code is None:
        return ""
    text = table.columns[name][int(code.rows[0])].as_py()
    advice = f"add {text!r} to `missing`" if isinstance(text, str) else "replace it in the file"
    return f"{code}{advice}"


def is_identifying_name(name: str) -> bool:
    """Return whether a column is named like one that identifies rows."""
    lower = name.strip().lower()
    return lower in NAMES or lower.endswith(ENDINGS) or name.endswith(("Id", "ID"))


def _is_whole(values: NDArray[np.float64]) -> bool:
    """Return whether all values are whole and none is missing; most others are found by the first ones."""
    return all(bool((part % 1 == 0).all()) for part in (values[:FEW], values))
