"""Numbers as people write them: currency signs, percent, thousands, decimal commas, dates with a zone.

A column is read so only if all of its values in the development part can be, and the reader says how.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.formatting import count
from trainables.data import columns
from trainables.data.table_reading import Table

LATER_SIGNS = "₩₪₫₱₴₹₺₽₿"
SIGNS = "$€£¥" + LATER_SIGNS
SAMPLE = 50
"""Distinct values by which a column of texts is recognised as one that holds no numbers at all."""

_SHAPE = (
    r"(?P<open>\()?(?P<sign>[+\-\u2212])?\s?(?P<before>[{signs}])?\s?(?P<inner>[+\-\u2212])?"
    r"(?P<whole>\d+|\d{{1,3}}(?P<group>[{groups}])\d{{3}}(?:(?P=group)\d{{3}})*"
    r"|\d{{1,2}}(?P<indian>{indian})\d\d(?:,\d\d)*,\d{{3}})?"
    r"(?P<fraction>[{point}]\d*)?(?P<exponent>[eE][+\-]?\d+)?\s?(?P<after>[%{signs}])?(?P<close>\))?"
)
INDIAN = "Indian groups of digits"
_SPACES = "_'\u00a0\u202f\u2009 "
_SHAPES = {
    ".": re.compile(_SHAPE.format(signs=SIGNS, groups="," + _SPACES, point=".", indian=",")),
    ",": re.compile(_SHAPE.format(signs=SIGNS, groups="." + _SPACES, point=",", indian="(?!)")),
}
DECIMALS = tuple(_SHAPES)


@dataclass(frozen=True)
class Number:
    """A number and what was special in how it was written."""

    value: float
    unit: str
    marks: frozenset[str]


@dataclass(frozen=True)
class Notation:
    """How the numbers of a column are written.

    Attributes:
        decimal: The decimal sign; empty for dates.
        unit: A currency sign, ``%``, or nothing.
        marks: What else is special, in words.
        example: A value.
    """

    decimal: str
    unit: str = ""
    marks: tuple[str, ...] = ()
    example: str = ""

    def numbers(self, column: pa.Array) -> NDArray[np.float64]:
        """Return a column of texts as numbers, NaN where one is missing or written differently."""
        if not self.decimal:
            zoned = _zoned(column)
            return np.full(len(column), np.nan) if zoned is None else zoned
        encoded = pc.utf8_trim_whitespace(column).dictionary_encode()
        read = [parse(text, self.decimal) for text in encoded.dictionary.to_pylist()]
        values = np.array([np.nan if n is None or n.unit != self.unit else n.value for n in read] + [np.nan])
        codes = columns.without_pandas(pc.fill_null(encoded.indices, len(read)), np.int64)
        return np.asarray(values[codes])

    def described(self) -> str:
        """Say how the values are read."""
        unit = (
            ["percent signs" if self.unit == "%" else f"the currency sign {self.unit}"] if self.unit else []
        )
        return ", ".join([*unit, *self.marks])


def parse(text: str, decimal: str) -> Number | None:
    """Return the number that a text is for people; None if it is not one."""
    match = _SHAPES[decimal].fullmatch(text)
    if match is None or not ((match["whole"] or "") or (match["fraction"] or "")[1:]):
        return None
    if (match["open"] is None) != (match["close"] is None) or (match["before"] and match["after"]):
        return None
    if sum(bool(match[name]) for name in ("open", "sign", "inner")) > 1:
        return None
    signs = (match["sign"] or "") + (match["inner"] or "")
    whole = re.sub(r"\D", "", match["whole"] or "0")
    value = float(f"{whole}.{(match['fraction'] or '')[1:] or '0'}{match['exponent'] or ''}")
    marks = {
        "thousands separators": match["group"] is not None,
        INDIAN: match["indian"] is not None,
        "decimal commas": decimal == "," and match["fraction"] is not None,
        "parentheses for negative numbers": match["open"] is not None,
        "typographic minus signs": "\u2212" in signs,
        "digits of another script": not whole.isascii(),
    }
    negative = match["open"] is not None or signs in ("-", "\u2212")
    unit = match["before"] or match["after"] or ""
    return Number(-value if negative else value, unit, frozenset(mark for mark, has in marks.items() if has))


def notation_of(
    column: pa.Array, decimal: str | None, delimiter: str, later: bool = True
) -> Notation | str | None:
    """Return how the numbers of a column of texts are written.

    Args:
        column: The values in the development part.
        decimal: The decimal sign; None to infer it.
        delimiter: Sign between the fields: a comma that is not one may be a decimal comma.
        later: Whether to read what readers before the eighth did not: Indian groups of digits (1,00,000)
            and currency signs other than $, €, £ and ¥.

    Returns:
        The notation, what is ambiguous about it, or None if these are no numbers.
    """
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return None
    if _zoned(column) is not None:
        return Notation(
            "", marks=("dates with a time zone, as days since 1970 in UTC",), example=_first(column)
        )
    sample = _distinct(column.drop_null().slice(0, 10 * SAMPLE))[:SAMPLE]
    signs = [decimal] if decimal else DECIMALS
    if not any(_share(sample, sign) >= columns.MOSTLY for sign in signs):
        return None
    texts = _distinct(column)
    fitting = [sign for sign in signs if _share(texts, sign) == 1]
    if not fitting:
        return _stray(texts, max(signs, key=lambda sign: _share(texts, sign)))
    if len(fitting) > 1 and any("," in text for text in texts):
        if delimiter != ",":
            example = next(text for text in texts if "," in text)
            return f"{example!r} can have a decimal comma or thousands; set `decimal` to '.' or ','"
        fitting = ["."]
    numbers = [number for text in texts if (number := parse(text, fitting[0]))]
    units = sorted({number.unit for number in numbers})
    if len(units) > 1:
        return f"some values have the unit {units[-1]}, others {units[0] or 'none'}"
    marks = tuple(sorted(set().union(*(number.marks for number in numbers))))
    if not later and (INDIAN in marks or units[0] in tuple(LATER_SIGNS)):
        return None
    example = next((t for t in texts if (n := parse(t, fitting[0])) and (n.marks or n.unit)), texts[0])
    return Notation(fitting[0], units[0], marks, example)


def notations(
    table: Table, names: Sequence[str], decimal: str | None, delimiter: str, later: bool = True
) -> dict[str, Notation]:
    """Return how the numbers of those columns of a table are written that hold no plain numbers.

    Args:
        table: The development part.
        names: Columns that may be numbers.
        decimal: The decimal sign; None to infer it for each column.
        delimiter: Sign between the fields.
        later: As of `notation_of`.

    Raises:
        UserError: If a column can be read in two ways, or in none for a few of its values.
    """
    written = {}
    for name in names:
        if table.numbers(name) is None:
            notation = notation_of(table.columns[name], decimal, delimiter, later)
            if isinstance(notation, str):
                raise UserError(
                    f"data: column {name}: {notation}; correct it, or list {name} under `categorical` "
                    "or `ignore`"
                )
            if notation is not None:
                written[name] = notation
    return written


def read_notations(table: Table, written: Mapping[str, Notation]) -> Table:
    """Return a table with numbers in the columns in which they were written for people.

    Raises:
        UserError: If a value is written differently than in the development part.
    """
    numbers = {name: notation.numbers(table.columns[name]) for name, notation in written.items()}
    for name, values in numbers.items():
        odd = np.flatnonzero(np.isnan(values) & columns.known(table.columns[name]))
        if len(odd):
            raise UserError(
                f"data: column {name} is written differently than in the development part in "
                f"{table.cell(name, int(odd[0]))}; {count(len(odd), 'such row')}"
            )
    arrays = {name: pa.array(values, from_pandas=True) for name, values in numbers.items()}
    return replace(
        table, columns={**table.columns, **arrays}, known_numbers={**table.known_numbers, **numbers}
    )


def _share(texts: Sequence[str], decimal: str) -> float:
    """Return the share of texts that are numbers."""
    return sum(parse(text, decimal) is not None for text in texts) / max(1, len(texts))


def _stray(texts: Sequence[str], decimal: str) -> str | None:
    """Return a complaint of a value that is not a number among many that are, and are written for people."""
    read = {text: parse(text, decimal) for text in texts}
    special = any(number and (number.marks or number.unit) for number in read.values())
    if not special or _share(texts, decimal) < columns.MOSTLY:
        return None
    return f"its values are numbers except for {next(text for text, number in read.items() if not number)!r}"


def _distinct(column: pa.Array) -> list[str]:
    return [text for text in pc.unique(pc.utf8_trim_whitespace(column)).to_pylist() if text is not None]


def _first(column: pa.Array) -> str:
    return str(column.drop_null()[0].as_py())


def _zoned(column: pa.Array) -> NDArray[np.float64] | None:
    """Return dates with a time zone as days since 1970; None if a value is not one."""
    if column.null_count == len(column):
        return None
    try:
        return columns.numbers(pc.cast(pc.utf8_trim_whitespace(column), pa.timestamp("us", tz="UTC")))
    except pa.ArrowInvalid:
        return None
