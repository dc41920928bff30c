"""Cells of a data set as tokens that stay equal when the data is stored, renamed or scaled differently.

A number is its sign and its leading digits, without its power of ten: so it is the same in float32, in
millimetres and in metres. A text is compared without case, blanks and form of Unicode. Names of
columns play no role.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hpo.data.sketch import Hashes, Scalar, text_tokens
from trainables.data.content import Content

DIGITS = 6
"""Leading digits by which single numbers are compared; float32 holds about seven."""
LARGEST_EXPONENT = 50
POWERS = 10.0 ** (DIGITS - 1 - np.arange(-LARGEST_EXPONENT, LARGEST_EXPONENT))
"""Factors that bring numbers of each power of ten, from 1e-50 on, to six digits before the point."""
COARSE = 3
"""Leading digits by which numbers are compared where several of one row count together."""
MISSING = np.uint64(2**63 - 1)
GRAM = 5
"""Words of a text that are compared together."""
WORDY = 8
"""Mean number of words from which the values of a column are texts rather than names."""
SAMPLE = 4096
COLUMNS = 512
"""Columns of an array without names beyond which only some are looked at."""


def number_tokens(values: NDArray[np.floating]) -> Hashes:
    """Return the sign and six leading digits of numbers as tokens; NaN is `MISSING`."""
    numbers = values.astype(np.float32).astype(np.float64)
    size = np.abs(numbers)
    size[~((size > 0) & (size < np.inf))] = 1.0
    exponent = np.floor(np.log10(size))
    leading = np.rint(size * POWERS[exponent.astype(np.int64) + LARGEST_EXPONENT])
    leading[leading >= 10**DIGITS] = 10 ** (DIGITS - 1)  # 9.9999997 was rounded up to 10
    leading[numbers == 0] = 0
    tokens = leading.astype(np.uint64) * np.uint64(2) + (numbers < 0)
    tokens[~np.isfinite(numbers)] = MISSING
    return np.asarray(tokens, np.uint64)


def coarse(tokens: Hashes) -> Hashes:
    """Return the tokens of the same numbers by three leading digits; of texts, others as distinct."""
    step = np.uint64(10 ** (DIGITS - COARSE))
    digits = (tokens // np.uint64(2) + step // np.uint64(2)) // step
    digits[digits == 10**COARSE] = 10 ** (COARSE - 1)
    return np.where(tokens < 2 * 10**DIGITS, digits * np.uint64(2) + tokens % np.uint64(2), tokens)


def canonical_text(text: str) -> str:
    """Return a text without case, form of Unicode and extra blanks."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def columns_of(content: Content) -> Iterator[NDArray[np.generic]]:
    """Yield the columns of a part: numbers or texts, [n] each; none of images."""
    if content.traits:
        yield from content.traits
        return
    info, n = content.info, len(content)
    if info.kind == "image":
        return
    inputs = content.inputs.reshape(n, -1)
    step = -(-inputs.shape[1] // COLUMNS)
    for index in range(0, inputs.shape[1], step):
        yield np.asarray(inputs[:, index])


def names_of(content: Content) -> list[str]:
    """Return the names of `columns_of`; their positions where they have none."""
    columns = len(list(columns_of(content)))
    return list(content.names) if len(content.names) == columns else list(map(str, range(columns)))


def tokens_of(column: NDArray[np.generic], key: bytes) -> Hashes:
    """Return the tokens of a column, [n]."""
    if column.dtype.kind in "fiub":
        return number_tokens(np.asarray(column, np.float64))
    texts = [str(value) for value in column]
    index = {text: position for position, text in enumerate(dict.fromkeys(texts))}
    tokens = text_tokens(map(canonical_text, index), key)
    return tokens[np.fromiter(map(index.__getitem__, texts), np.int64, len(texts))]


def gram_tokens(column: NDArray[np.generic], key: bytes) -> tuple[Hashes, NDArray[np.int64]] | None:
    """Return the tokens of all runs of five words and the row of each; None of what is not prose."""
    if column.dtype.kind in "fiub" or not len(column):
        return None
    some = sample(column)
    if sum(len(str(text).split()) for text in some) < WORDY * len(some):
        return None
    words = [canonical_text(str(text)).split() for text in column]
    grams = [
        (" ".join(of[start : start + GRAM]), row)
        for row, of in enumerate(words)
        for start in range(max(1, len(of) - GRAM + 1))
    ]
    return text_tokens((gram for gram, _ in grams), key), np.array([row for _, row in grams], np.int64)


def sample(column: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return values from all over a column, a few thousand at most."""
    return column[:: -(-len(column) // SAMPLE)] if len(column) else column
