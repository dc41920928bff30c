"""Read the columns of a table as numbers, dates or texts, however a file stores them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Number = TypeVar("Number", bound=np.number[Any])

SECONDS_A_DAY = 86_400.0
PLACEHOLDERS = frozenset(
    ["?", "-", "--", ".", "none", "nat", "n.a.", "#div/0!", "#value!", "missing", "unknown"]
)
"""Texts that stand for a missing value, in lower case; they are never read so without being declared."""

PLAIN_NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,12})?([eE][-+]?[0-9]{1,2})?$"
"""Numbers of few digits, which Arrow and Python read alike; longer ones would gain nothing."""

MOSTLY = 0.9
"""Share of numbers among a column's values from which the other values count as mistakes."""


def canonical(column: pa.Array) -> list[str]:
    """Return values as texts that are equal for equal values, however they were written."""
    encoded = column.dictionary_encode()
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        distinct = _canonical_numbers(encoded.dictionary)
    elif pa.types.is_string(column.type) and _are_plain_numbers(encoded.dictionary):
        distinct = _canonical_numbers(pc.cast(encoded.dictionary, pa.float64()))
    else:
        distinct = [_canonical(value) for value in encoded.dictionary.to_pylist()]
    return ["" if code is None else distinct[code] for code in encoded.indices.to_pylist()]


def _canonical(value: Any) -> str:
    text = str(value).strip()
    try:
        number = float(value if isinstance(value, int | float) else text)
    except (TypeError, ValueError):
        return text
    return "" if math.isnan(number) else repr(number + 0.0)


def _canonical_numbers(values: pa.Array) -> list[str]:
    """Return what `_canonical` does of each number, several times as fast."""
    plain = _floats(values) + 0.0
    texts = list(map(repr, plain.tolist()))
    for row in np.flatnonzero(np.isnan(plain)):
        texts[row] = ""
    return texts


def _are_plain_numbers(texts: pa.Array) -> bool:
    """Return whether all texts are decimal numbers, which every reader takes for the same values."""
    return bool(pc.all(pc.match_substring_regex(texts, PLAIN_NUMBER)).as_py())


def numbers(column: pa.Array) -> NDArray[np.float64] | None:
    """Return a column as numbers, dates as days since 1970, missing values NaN; None if it holds texts."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        trimmed = pc.utf8_trim_whitespace(column)
        for target in (pa.float64(), pa.timestamp("us")):
            try:
                return numbers(pc.cast(trimmed, target))
            except pa.ArrowInvalid:
                continue
        return None
    if pa.types.is_temporal(kind):
        micros = pc.cast(pc.cast(column, pa.timestamp("us"), safe=False), pa.int64())
        return _floats(micros) / (SECONDS_A_DAY * 1e6)
    if any(is_kind(kind) for is_kind in (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean)):
        return _floats(column)
    if pa.types.is_decimal(kind) or pa.types.is_null(kind):
        return _floats(pc.cast(column, pa.float64()))
    return None


def holds_dates(column: pa.Array) -> bool:
    """Return whether a column that can be read as numbers holds dates."""
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        there = np.flatnonzero(known(column))
        return len(there) > 0 and not _is_number(column[int(there[0])].as_py().strip())
    return bool(pa.types.is_temporal(kind))


def _floats(column: pa.Array) -> NDArray[np.float64]:
    """Return numbers, missing ones as NaN."""
    column = pc.cast(column, pa.float64(), safe=False)
    values = without_pandas(column, np.float64)
    return np.where(known(column), values, np.nan) if column.null_count else values


def without_pandas(column: pa.Array, kind: type[Number]) -> NDArray[Number]:
    """Return numbers as an array, and anything where one is missing.

    Arrow's ``to_numpy`` imports pandas, which takes longer than reading most tables.
    """
    column = pc.cast(column, pa.from_numpy_dtype(kind), safe=False)
    _, values = column.buffers()
    if not values:
        return np.zeros(len(column), kind)
    return np.frombuffer(values, kind, len(column), column.offset * kind().itemsize)


def known(column: pa.Array) -> NDArray[np.bool_]:
    """Return which values are not missing."""
    return without_pandas(column.is_valid(), np.uint8) > 0


def mask_without_pandas(mask: NDArray[np.bool_]) -> pa.Array:
    """Return truth values as Arrow's; ``pa.array`` imports pandas as well."""
    bits = np.packbits(mask, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(mask), [None, pa.py_buffer(bits)])


def texts(column: pa.Array) -> list[str | None]:
    """Return a column as texts, None where a value is missing; whole numbers lose their ``.0``."""
    distinct, codes = encoded(column)
    values: list[str | None] = np.array(distinct, object)[codes].tolist()
    return values


def distinct_texts(column: pa.Array) -> set[str]:
    """Return the different texts of a column, missing values aside."""
    return {text for text in encoded(column)[0] if text is not None}


def encoded(column: pa.Array) -> tuple[list[str | None], NDArray[np.int64]]:
    """Return what `texts` returns, but each distinct value once, which is several times as fast.

    Returns:
        Texts of the distinct values, two of which may be equal, with None at the end; and the index of
        each value's text, [n].
    """
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    values = column.dictionary_encode()
    read = _float_text if pa.types.is_floating(column.type) else _text
    distinct = [*map(read, values.dictionary.to_pylist()), None]
    indices = without_pandas(values.indices, np.int64)
    missing = len(distinct) - 1
    return distinct, np.where(known(values.indices), indices, missing) if column.null_count else indices


def _text(value: Any) -> str | None:
    return None if value is None else str(value).strip()


def _float_text(value: float | None) -> str | None:
    return None if value is None or math.isnan(value) else _short(value)


def _short(number: float) -> str:
    return repr(number).removesuffix(".0")


def strays(column: pa.Array) -> list[int]:
    """Return the rows whose text is not a number."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return [] if numbers(column) is not None else list(range(len(column)))
    values = texts(column)
    return [row for row, value in enumerate(values) if value is not None and not _is_number(value)]


def mistaken(column: pa.Array) -> bool:
    """Return whether nearly all of a column's values are numbers, so that the others must be mistakes."""
    present = len(column) - int(column.null_count)
    return 0 < sum(stray_counts(column).values()) <= (1 - MOSTLY) * present


def has_placeholder(column: pa.Array) -> bool:
    """Return whether all of a column's values are numbers but for marks of a missing value, such as "?"."""
    odd = stray_counts(column)
    if not 0 < sum(odd.values()) < len(column) - int(column.null_count):
        return False
    return {text.lower() for text in odd} <= PLACEHOLDERS


def without_placeholders(column: pa.Array) -> tuple[pa.Array, int]:
    """Return a column of texts with its marks of missing values taken for such, and how many there are."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column, 0
    lower = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    marks = pc.fill_null(pc.is_in(lower, value_set=pa.array(sorted(PLACEHOLDERS), column.type)), False)
    n = int(pc.sum(marks).as_py() or 0)
    return (pc.if_else(marks, pa.scalar(None, column.type), column) if n else column), n


def stray_counts(column: pa.Array) -> dict[str, int]:
    """Return how often each text occurs that is not a number; empty for columns of other types."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return {}
    counted = pc.value_counts(pc.utf8_trim_whitespace(column.drop_null())).to_pylist()
    return {pair["values"]: pair["counts"] for pair in counted if not _is_number(pair["values"])}


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text  # which Python reads, but Arrow does not


def is_fraction(text: str) -> bool:
    """Return whether a text is a number with a decimal point, which no column is named."""
    return "." in text and _is_number(text)


def coded(column: pa.Array, categories: Sequence[str]) -> tuple[NDArray[np.float32], int]:
    """Return codes of texts: their index among the categories, ``len(categories)`` for any other.

    Returns:
        Codes [n], NaN where a value is missing, and the number of values outside the categories.
    """
    code_of: dict[str | None, float] = {name: float(code) for code, name in enumerate(categories)}
    unknown = float(len(categories))
    distinct, indices = encoded(column)
    known_codes = [np.nan if value is None else code_of.get(value, unknown) for value in distinct]
    codes = np.array(known_codes, np.float32)[indices]
    return codes, int((codes == unknown).sum())
