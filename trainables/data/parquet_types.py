"""Columns of Parquet files in the types that a table can hold, and a warning about those that it cannot."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from hpo.core.errors import UserError

YEARS = (-719_162, 2_932_897)
"""First day of the year 1 and of the year 10000, in days since 1970."""

VIEWS = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
"""Types of texts and bytes for which Arrow lacks most functions; Polars writes them."""

BYTES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)

PER_SECOND = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


def plain_column(name: str, column: pa.Array, decodes: bool = True) -> tuple[pa.Array | None, str]:
    """Return a column in a type that a table can hold, and what was done to it, if it needs saying.

    Bytes become the text that they encode as UTF-8, unless ``decodes`` is false. Texts lose Polars' memory
    layout, extension types become what they are stored as, UUIDs texts. Truth values become 0 and 1, half
    precision single precision, NaN a missing value, categories of numbers texts, durations and times of day
    seconds. Lists, structures, maps and other bytes are left out: the column is then None.
    """
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return (
            (_texts(column), "")
            if kind.extension_name == "arrow.uuid"
            else plain_column(name, column.storage, decodes)
        )
    if kind in VIEWS:
        return plain_column(name, pc.cast(column, VIEWS[kind]), decodes)
    if decodes and any(is_bytes(kind) for is_bytes in BYTES):
        return _decoded(name, column)
    if decodes and pa.types.is_dictionary(kind) and any(is_bytes(kind.value_type) for is_bytes in BYTES):
        return plain_column(name, column.dictionary_decode())
    if pa.types.is_dictionary(kind) and not pa.types.is_string(kind.value_type):
        return _texts(column.dictionary_decode()).dictionary_encode(), ""
    if pa.types.is_boolean(kind):
        return pc.cast(column, pa.int8()), ""
    if pa.types.is_float16(kind):
        return plain_column(name, pc.cast(column, pa.float32()))
    if pa.types.is_floating(kind) and pc.any(pc.is_nan(column)).as_py():
        return pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column), ""
    if pa.types.is_duration(kind) or pa.types.is_time(kind):
        noun = "durations" if pa.types.is_duration(kind) else "times of day"
        return _seconds(column), f"column {name}: {noun} are read as seconds"
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        _require_years(name, column)
    if pa.types.is_nested(kind):
        return (
            None,
            f"column {name} holds values of the type {kind}, which a table cannot hold, and is left out",
        )
    return column, ""


def _decoded(name: str, column: pa.Array) -> tuple[pa.Array | None, str]:
    try:
        texts = pc.cast(pc.cast(column, pa.large_binary()), pa.large_string())
    except pa.ArrowInvalid:
        return None, f"column {name} holds bytes that are not a text in UTF-8, and is left out"
    return texts, f"column {name}: bytes are read as the text that they encode"


def _texts(column: pa.Array) -> pa.Array:
    if pa.types.is_large_string(column.type):
        return column
    return pa.array([None if value is None else str(value) for value in column.to_pylist()], pa.string())


def _require_years(name: str, column: pa.Array) -> None:
    """Refuse times before the year 1 and after the year 9999, which neither Python nor a person can read.

    Raises:
        UserError: If there is one.
    """
    per_day = {"s": 86_400, "ms": 86_400_000, "us": 86_400 * 10**6, "ns": 86_400 * 10**9}
    kind = column.type
    unit = per_day[kind.unit] if pa.types.is_timestamp(kind) else 1 if kind == pa.date32() else per_day["ms"]
    ends = pc.min_max(pc.cast(column, pa.int32() if kind == pa.date32() else pa.int64()))
    least, greatest = ends["min"].as_py(), ends["max"].as_py()
    if least is not None and (least < YEARS[0] * unit or greatest >= YEARS[1] * unit):
        raise UserError(f"data: column {name} has times outside the years 1 to 9999; correct or remove them")


def _seconds(column: pa.Array) -> pa.Array:
    whole = pa.int32() if pa.types.is_time32(column.type) else pa.int64()
    counts = pc.cast(pc.cast(column, whole), pa.float64(), safe=False)
    return pc.divide(counts, PER_SECOND[column.type.unit])
