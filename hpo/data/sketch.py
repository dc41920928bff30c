"""Bottom-k sketches: a few hundred keyed hashes that stand for a set of values of any size.

Of every set the k values with the smallest keyed hash are kept (Cohen and Kaplan 2007, "Summarizing
data using bottom-k sketches"), so that two sketches sample the same values and show which share of one
set is in the other. An entry of 64 bits holds, from the top, 20 bits that order it, 42 bits of keyed
BLAKE2b that identify it, and two flags: whether the value occurs in the test and in the development
part. Without the key nothing can be learnt from an entry; with it, one can ask whether a value is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Scalar = TypeVar("Scalar", bound=np.generic)

VALUES = 512
"""Entries in the sketch of a column: 4 KiB."""

TEST, DEVELOPMENT = np.uint64(1), np.uint64(2)
IDENTITY = ~np.uint64(3)
ORDER_SHIFT = np.uint64(44)
CANDIDATES = 8
"""Smallest hashes that are looked through per entry before all are sorted."""


def mixed(tokens: Hashes, key: bytes) -> Hashes:
    """Return a keyed 64-bit permutation of tokens that looks random (Steele et al. 2014, SplitMix)."""
    with np.errstate(over="ignore"):
        mix = tokens ^ np.frombuffer(key[:8], "<u8")[0]
        mix = (mix ^ (mix >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mix = (mix ^ (mix >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return np.asarray(mix ^ (mix >> np.uint64(31)), np.uint64)


def sequence_hash(numbers: Hashes, key: bytes, bits: int) -> int:
    """Return a keyed hash of numbers in their order.

    Args:
        numbers: Each below two to the power of ``bits``, [n].
        key: Secret of the register.
        bits: Most bits of a number.
    """
    places = np.arange(len(numbers), dtype=np.uint64) << np.uint64(bits)
    return int(mixed(np.array([mixed(numbers + places, key).sum()], np.uint64), key)[0])


def text_tokens(texts: Iterable[str], key: bytes) -> Hashes:
    """Return 64-bit tokens of texts; names of files may hold bytes that are no characters."""
    encoded = (text.encode(errors="surrogatepass") for text in texts)
    digests = (hashlib.blake2b(text, digest_size=8, key=key).digest() for text in encoded)
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)


def sketched(tokens: Hashes, is_test: NDArray[np.bool_], key: bytes, size: int = VALUES) -> Hashes:
    """Return the sketch of a set of values.

    Args:
        tokens: Values as 64-bit tokens, [n], with repetitions.
        is_test: Whether each occurs in the test part, [n].
        key: Secret of the register, 32 bytes.
        size: Greatest number of entries.

    Returns:
        Entries in ascending order, [size or fewer]; fewer if the set has no more values.
    """
    mix = mixed(tokens, key)
    few = smallest(mix, size)
    member = np.flatnonzero(mix <= few[-1]) if len(few) else np.zeros(0, np.int64)
    position = np.searchsorted(few, mix[member])
    flags = np.zeros(len(few), np.uint64)
    np.bitwise_or.at(flags, position, np.where(is_test[member], TEST, DEVELOPMENT))
    first = np.zeros(len(few), np.int64)
    first[position] = member
    order = few >> ORDER_SHIFT << ORDER_SHIFT
    return np.sort(order | (_digests(tokens[first], key) << np.uint64(2)) | flags)


def distinct(values: NDArray[Scalar]) -> NDArray[Scalar]:
    """Return the distinct values in ascending order; sorting is faster here than hashing."""
    ascending = np.sort(values)
    if len(ascending) < 2:
        return ascending
    first = np.concatenate([[True], ascending[1:] != ascending[:-1]])
    return np.asarray(ascending[first], values.dtype)


def smallest(mix: Hashes, size: int) -> Hashes:
    """Return the smallest distinct values."""
    count = CANDIDATES * size
    if len(mix) > count:
        few = distinct(np.partition(mix, count)[:count])
        if len(few) >= size:
            return few[:size]
    return distinct(mix)[:size]


def _digests(tokens: Hashes, key: bytes) -> Hashes:
    """Return 42 bits of keyed BLAKE2b of each token."""
    digests = (hashlib.blake2b(token, digest_size=8, key=key).digest() for token in _bytes(tokens))
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64) >> np.uint64(22)


def _bytes(tokens: Hashes) -> list[bytes]:
    raw = tokens.astype("<u8").tobytes()
    return [raw[start : start + 8] for start in range(0, len(raw), 8)]


def complete_below(sketch: Hashes, size: int) -> np.uint64:
    """Return the order up to which a sketch of this greatest size holds every value of its set."""
    if len(sketch) < size:
        return np.uint64(2**64 - 1)
    return np.uint64(sketch[-1] >> ORDER_SHIFT << ORDER_SHIFT)
