"""Texts in a table that may mean something else: codes that lose zeros, numbers as names, names twice."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

MOSTLY = 0.9
"""Share of different texts that look like numbers from which the column probably holds some."""

SAMPLE = 200
"""Different texts that are looked at."""

LONGEST = 40
"""Characters of a name in a sentence."""

FEW = 3
"""Different texts below which numbers may well be names."""

MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"

LIKE_A_NUMBER = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d[\d:.,]*\s?(?:Z|[+-]\d\d:?(?:\d\d)?)?|"
    rf"(?:\d{{1,2}}[ ./-])?(?i:{MONTHS})[ ./-]*\d{{1,4}}(?:[, ]+\d{{4}})?|"
    r"0x[\da-f]+|[<>=~\u2248\u2264\u2265\u00b1*#]*\s?(?:[A-Z]{3}\s)?[$\u20ac\u00a3\u00a5\u20b9]?\s?[-+\u2212(]?"
    r"\s?[.,]?\d[\d.,:/'\s_-]*(?:[eEdD][-+]?\d+)?\s?[^\W\d_]{0,4}[\u00b0%/\u00b2\u00b3*+-]?\)?\.?",
)
"""A limit, an amount with its unit, a date or a time: digits with a few signs and letters around them."""

LOOKALIKES = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0425\u0391\u0392\u0395\u0397\u039a\u039c\u039d\u039f\u03a1\u03a4\u03a7\u03bf",
    "aeopcyxiABEKMHOPCTXABEHKMNOPTXo",
)
"""Cyrillic and Greek letters that look like Latin ones, as keyboards with two alphabets mix them up."""


def loses_zeros(column: pa.Array) -> str:
    """Return a text that begins with a zero which is lost in a number, as in a postal code; else nothing.

    Args:
        column: Texts that are all numbers; columns of other types lose nothing.
    """
    import pyarrow as pa  # late: folders of images have names, but no columns
    import pyarrow.compute as pc

    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return ""
    first = column.slice(0, SAMPLE).drop_null()
    if pc.any(pc.match_substring(first, ".")).as_py():  # fractions, which take long to look through
        return ""
    begins = pc.match_substring_regex(column, r"^0(?s:.)")  # a comparison with a number would import pandas
    if not pc.any(begins).as_py():
        return ""
    codes = (text for text in pc.unique(column.filter(begins)).to_pylist() if text.strip().isdigit())
    return next(codes, "")


def like_a_number(texts: Sequence[str]) -> str:
    """Return one of different texts, if nearly all of them look like numbers or dates; else nothing."""
    shown = texts[:: max(1, len(texts) // SAMPLE)]
    like = [text for text in shown if LIKE_A_NUMBER.fullmatch(text)]
    return like[0] if len(texts) >= FEW and len(like) >= MOSTLY * len(shown) else ""


def alike(names: Iterable[str], nouns: str) -> str:
    """Say which names differ only in case, spaces, letters that look alike or a ``.0``; else nothing.

    Args:
        names: Different names.
        nouns: What they are names of, such as ``categories``.
    """
    forms: dict[str, list[str]] = defaultdict(list)
    for name in names:
        forms[_plain(name)].append(name)
    groups = [group for group in forms.values() if len(group) > 1]
    if not groups:
        return ""
    form = repr if all(name.isascii() for name in groups[0][:2]) else ascii  # shows what looks the same
    pair = " and ".join(form(name[:LONGEST]) for name in groups[0][:2])
    return (
        f"{sum(map(len, groups)):,} {nouns} differ only in case, spaces or notation, such as {pair}; if they "
        "mean the same, write them alike"
    )


def _plain(name: str) -> str:
    text = " ".join((name if name.isascii() else _visible(name)).split()).casefold()
    try:
        return repr(float(text))
    except ValueError:
        return text


def _visible(name: str) -> str:
    """Return a name as it looks: no characters without width, Latin letters for those that look like them."""
    composed = unicodedata.normalize("NFKC", name).translate(LOOKALIKES)
    return "".join(sign for sign in composed if unicodedata.category(sign) != "Cf")
