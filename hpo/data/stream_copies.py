"""Blocks of a token stream whose text also occurs in another one, wherever the blocks begin there.

Every window of a quarter of a block has a hash, and a share of all windows, chosen by their hashes, is
compared (Broder 1997, "On the resemblance and containment of documents"), so that the same text is chosen on
both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.row_keys import PUBLIC
from hpo.data.sketch import Hashes, mixed

Rows = NDArray[np.int64]

MOST_WINDOWS = 4_000_000
"""Windows of a stream that are compared."""
LONGEST = 32
FACTOR = np.uint64(0x9E3779B97F4A7C15)
TOKENS_AT_ONCE = 1 << 20
HALF = 0.5
"""Share of a block's windows from which it is a copy."""


def copied_blocks(ours: NDArray[Any], theirs: NDArray[Any], our_rows: Rows, their_rows: Rows) -> Rows:
    """Return positions among our rows of blocks at least half of whose windows occur in theirs.

    Args:
        ours: Blocks of tokens, [n, block].
        theirs: Blocks of the same length, [k, block].
        our_rows: Indices of our rows that are compared.
        their_rows: Rows of theirs to look at.
    """
    if not len(our_rows) or not len(their_rows):
        return np.zeros(0, np.int64)
    rate = _rate(max(len(our_rows), len(their_rows)) * ours.shape[1])
    their_windows = np.unique(np.concatenate([found for found, _ in _windows(theirs, their_rows, rate)]))
    copied = []
    for start, (windows, block) in zip(
        range(0, len(our_rows), _step(ours)), _windows(ours, our_rows, rate), strict=True
    ):
        size = min(_step(ours), len(our_rows) - start)
        counts = np.bincount(block, minlength=size)
        hits = np.bincount(block[np.isin(windows, their_windows)], minlength=size)
        copied.append(start + np.flatnonzero((hits > 0) & (hits >= HALF * counts)))
    return np.concatenate(copied)


def _rate(windows: int) -> np.uint64:
    """Return a power of two, n: one window in n is compared."""
    rate = 1
    while windows > rate * MOST_WINDOWS:
        rate *= 2
    return np.uint64(rate)


def _step(blocks: NDArray[Any]) -> int:
    return max(1, TOKENS_AT_ONCE // int(blocks.shape[1]))


def _windows(blocks: NDArray[Any], rows: Rows, rate: np.uint64) -> Iterator[tuple[Hashes, Rows]]:
    """Yield hashes of windows and the position of the block of each, for some rows after another."""
    length = max(2, min(LONGEST, blocks.shape[1] // 4))
    for start in range(0, len(rows), _step(blocks)):
        tokens = np.asarray(blocks[rows[start : start + _step(blocks)]]).astype(np.uint64) + np.uint64(1)
        count = tokens.shape[1] - length + 1
        hashes = np.zeros((len(tokens), max(0, count)), np.uint64)
        with np.errstate(over="ignore"):
            for shift in range(length):
                hashes = hashes * FACTOR + tokens[:, shift : shift + count]
        hashes = mixed(hashes, PUBLIC)
        block, window = np.nonzero(hashes % rate == 0)
        yield hashes[block, window], block
