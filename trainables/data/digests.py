"""Row digests: 128 bits of a row's content, the same wherever and however it is stored.

Sets of digests make a part of a data set recognisable after rows were reordered, files renamed or
some rows dropped, and two parts comparable without showing either. They reveal nothing about targets.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

BYTES = 16
KEYED = ":"
"""Between the name of a key and a digest that was computed with it."""
CHUNK, CHUNK_BYTES = 4096, 1 << 20
"""Rows, and bytes, that are read at once."""
UNLOCKED_BYTES = 2048
"""Bytes of a row from which hashlib lets other threads run meanwhile."""
THREADED_BYTES, MOST_THREADS = 64 << 20, 4
"""Bytes of all rows from which several threads digest them, and how many do."""


def row_digests(
    rows: NDArray[Any], chosen: NDArray[np.int64] | None = None, dtype: np.dtype[Any] | None = None
) -> NDArray[np.uint64]:
    """Digest every row's content, in blocks of about a megabyte.

    Args:
        rows: Array [n, ...]. Among floats, all NaNs count as equal, and so do 0 and -0.
        chosen: Rows to digest; None for all.
        dtype: Type that rows are converted to first; None for their own.

    Returns:
        Array [n, 2]: 128-bit BLAKE2b of each row's bytes, shape and type.
    """
    dtype = dtype or rows.dtype
    empty = hashlib.blake2b(f"{dtype.str}{rows.shape[1:]}".encode(), digest_size=BYTES)
    n = len(rows) if chosen is None else len(chosen)
    size = rows.nbytes // max(1, len(rows))
    step = max(1, min(CHUNK, CHUNK_BYTES // max(1, size)))

    def block(start: int) -> NDArray[np.uint64]:
        part = slice(start, start + step) if chosen is None else chosen[start : start + step]
        return _block_digests(_canonical(rows[part].astype(dtype, copy=False)), empty)

    starts = range(0, n, step)
    if n * size < THREADED_BYTES or size < UNLOCKED_BYTES:
        return np.concatenate([np.zeros((0, 2), np.uint64), *map(block, starts)])
    with ThreadPoolExecutor(min(MOST_THREADS, os.cpu_count() or 1)) as threads:
        return np.concatenate(list(threads.map(block, starts)))


def text_digests(rows: Iterable[str]) -> NDArray[np.uint64]:
    """Digest rows given as canonical texts; returns an array [n, 2]."""
    return packed(hashlib.blake2b(row.encode(), digest_size=BYTES).digest() for row in rows)


def packed(digests: Iterable[bytes]) -> NDArray[np.uint64]:
    """Return 16-byte digests as an array [n, 2]."""
    return np.frombuffer(b"".join(digests), dtype="<u8").reshape(-1, 2).astype(np.uint64)


def set_digest(digests: NDArray[np.uint64]) -> str:
    """Return the SHA-256 of a set of digests: neither order nor repetition of rows matters."""
    distinct = np.unique(as_keys(digests))
    return hashlib.sha256(distinct.tobytes()).hexdigest()


def labelled_digest(
    digests: NDArray[np.uint64],
    targets: NDArray[Any],
    key: bytes | None = None,
    chosen: NDArray[np.int64] | None = None,
) -> str:
    """Return a digest of a set of rows with their targets.

    With a key it is a BLAKE2b that nobody can compute without it, so that labels cannot be guessed; its
    first part tells which key it was. Without one it is a SHA-256.

    Args:
        digests: Digests of the rows, [n, 2].
        targets: Their targets, [n, ...].
        key: A secret; None for public data, and to compare with what earlier versions recorded.
        chosen: Rows of the targets that have digests; None for all.
    """
    rows = row_digests(np.concatenate([digests, row_digests(targets, chosen)], axis=1))
    if key is None:
        return set_digest(rows)
    keyed = hashlib.blake2b(np.unique(as_keys(rows)).tobytes(), key=key, digest_size=32)
    return f"{key_name(key)}{KEYED}{keyed.hexdigest()}"


def key_name(key: bytes) -> str:
    """Return a name for a secret key that does not reveal it."""
    return hashlib.blake2b(key, digest_size=8).hexdigest()


def is_comparable(digest: str, key: bytes | None) -> bool:
    """Return whether `labelled_digest` can compute this digest again: without a key, or with this one."""
    name, keyed, _ = digest.partition(KEYED)
    return not keyed or (key is not None and name == key_name(key))


def file_digest(path: Path) -> str:
    """Return the BLAKE2b of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=BYTES)).hexdigest()


def as_keys(digests: NDArray[np.uint64]) -> NDArray[np.void]:
    """Return the digests as an array [n] of 16-byte keys, for sets and sorting."""
    return np.ascontiguousarray(digests.astype("<u8")).view(f"V{BYTES}").reshape(-1)


def are_among(ours: NDArray[np.uint64], theirs: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return which of our digests are among theirs, [n]."""
    among = np.isin(ours[:, 0], theirs[:, 0])  # numbers are sorted faster than keys
    rows = np.flatnonzero(among)
    alike = theirs[np.isin(theirs[:, 0], ours[rows, 0])]
    among[rows] = np.isin(as_keys(ours[rows]), as_keys(alike))
    return np.asarray(among, np.bool_)


def overlap(ours: NDArray[np.uint64], theirs: NDArray[np.uint64]) -> float:
    """Return the share of our distinct rows that are among theirs, from 0 to 1."""
    distinct = np.unique(as_keys(ours))
    return float(np.isin(distinct, as_keys(theirs)).mean()) if len(distinct) else 0.0


def _block_digests(block: NDArray[Any], empty: hashlib.blake2b) -> NDArray[np.uint64]:
    content, size = memoryview(block.tobytes()), block.nbytes // len(block)
    return packed(_with(empty, content[row * size : (row + 1) * size]) for row in range(len(block)))


def _with(empty: hashlib.blake2b, content: memoryview) -> bytes:
    hasher = empty.copy()
    hasher.update(content)
    return hasher.digest()


def _canonical(rows: NDArray[Any]) -> NDArray[Any]:
    if np.issubdtype(rows.dtype, np.floating):
        missing = np.isnan(rows)
        rows = rows + rows.dtype.type(0)
        if missing.any():
            rows[missing] = np.nan
    return np.ascontiguousarray(rows)
