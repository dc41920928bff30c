"""Keys by which a row is known again after columns were renamed, moved, added or dropped.

A key has eight parts of 32 bits. Every cell adds its hash to one of them, chosen by the hash, so that a
column that is added or dropped changes one part of each row and leaves the others. The keys are not
secret: anybody with a row can compute its key.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hpo.data.cells import canonical_text
from hpo.data.sketch import Hashes, mixed, text_tokens

VERSION = 1
"""Raised when the same row gets another key."""

PARTS = 8
HALVES = (*combinations(range(PARTS), 2), *((part, part) for part in range(PARTS)))
"""Pairs of parts by which rows are compared, then single parts, for rows of few cells."""
PUBLIC = b"hpo row keys v1!"

Keys = NDArray[np.uint32]


def keys_of_digests(digests: Hashes) -> Keys:
    """Return digests of rows, [n, 2], as keys, [n, 8], half of whose parts are empty."""
    keys = np.zeros((len(digests), PARTS), np.uint32)
    keys[:, : PARTS // 2] = np.ascontiguousarray(digests.astype("<u8")).view("<u4")
    return keys


def keys_of_columns(
    columns: Iterable[NDArray[np.generic]], n: int, lengths: Iterable[int] = ()
) -> tuple[Keys, dict[int, Hashes]]:
    """Return the keys of rows, and checksums of their columns in the order of the rows.

    Args:
        columns: Numbers or texts, [n] each.
        n: Number of rows.
        lengths: Numbers of leading rows to compute checksums of; those of all rows always are.

    Returns:
        Keys, [n, 8], and for each length the checksums of the columns that are not constant.
    """
    sums = np.zeros(n * PARTS, np.uint64)
    start = np.arange(n) * PARTS
    odd = np.arange(n, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    checks: dict[int, list[int]] = {length: [] for length in {n, *lengths} if length <= n}
    for column in columns:
        mix = mixed(_tokens(column), PUBLIC)
        sums[start + (mix & np.uint64(PARTS - 1)).astype(np.int64)] += mix
        for length, of_length in checks.items():
            if length and (mix[:length] != mix[0]).any():
                of_length.append(int(mix[:length] @ odd[:length]))
    keys = (mixed(sums, PUBLIC) >> np.uint64(32)).astype(np.uint32)
    keys[sums == 0] = 0  # a part without cells tells nothing
    return keys.reshape(n, PARTS), {
        length: np.array(of_length, np.uint64) for length, of_length in checks.items()
    }


def text_keys(texts: Iterable[object]) -> Hashes:
    """Return a 64-bit hash of every text, [n]."""
    return text_tokens(map(str, texts), PUBLIC)


def _tokens(column: NDArray[np.generic]) -> Hashes:
    """Return numbers by their float32, texts without case, blanks and form of Unicode."""
    if column.dtype.kind in "fiub":
        with np.errstate(over="ignore"):
            numbers = column.astype(np.float32) + np.float32(0)
        numbers[np.isnan(numbers)] = np.nan
        return numbers.view(np.uint32).astype(np.uint64)
    texts = [str(value) for value in column]
    index = {text: position for position, text in enumerate(dict.fromkeys(texts))}
    tokens = text_tokens(map(canonical_text, index), PUBLIC)
    return tokens[np.fromiter(map(index.__getitem__, texts), np.int64, len(texts))]


def whole(keys: Keys) -> NDArray[np.void]:
    """Return keys as one value each, for sets and sorting."""
    return np.ascontiguousarray(keys).view(f"V{keys.itemsize * PARTS}").reshape(-1)


def paired(keys: Keys, pair: tuple[int, int]) -> Hashes:
    """Return two parts of every key as one number; 0 where one of them has no cells."""
    one, other = (keys[:, part].astype(np.uint64) for part in pair)
    return np.where((one > 0) & (other > 0), (one << np.uint64(32)) | other, np.uint64(0))
