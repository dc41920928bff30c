"""Columns of Parquet files in the types that a table can hold, and a word on those it cannot."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def plain_column(name: str, column: pa.Array) -> tuple[pa.Array | None, str]:
    """Return a column in a type that a table can hold, and what was done to it, if it needs saying.

    Truth values become 0 and 1, half precision becomes single precision, categories of numbers become
    texts, durations and times of day become seconds. Lists, structures and maps are left out: the column
    is then None.
    """
    kind = column.type
    if pa.types.is_dictionary(kind) and not pa.types.is_string(kind.value_type):
        return _texts(column.dictionary_decode()).dictionary_encode(), ""
    if pa.types.is_boolean(kind):
        return pc.cast(column, pa.int8()), ""
    if pa.types.is_float16(kind):
        return pc.cast(column, pa.float32()), ""
    if pa.types.is_duration(kind) or pa.types.is_time(kind):
        noun = "durations" if pa.types.is_duration(kind) else "times of day"
        return _seconds(column), f"column {name}: {noun} are read as seconds"
    if pa.types.is_nested(kind):
        return None, f"column {name} holds values of the type {kind}, which no table takes, and is left out"
    return column, ""


def _texts(column: pa.Array) -> pa.Array:
    if pa.types.is_large_string(column.type):
        return column
    return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())


def _seconds(column: pa.Array) -> pa.Array:
    whole = pa.int32() if pa.types.is_time32(column.type) else pa.int64()
    counts = pc.cast(pc.cast(column, whole), pa.float64(), safe=False)
    return pc.divide(counts, PER_SECOND[column.type.unit])
