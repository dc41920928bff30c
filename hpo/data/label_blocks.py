"""Digests of the labels of consecutive rows, by which data is recognised whatever was done to its inputs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpo.data.sketch import Hashes, sequence_hash
from trainables.data.content import Content

BLOCK = 256
"""Rows whose labels are digested together."""
WINDOW = 8
MIXED = 32
"""Distinct runs of eight labels in a block from which it is too irregular to recur by chance."""


def label_blocks(development: Content, test: Content, key: bytes) -> tuple[Hashes, NDArray[np.bool_]]:
    """Digest the labels of every block of rows whose labels are mixed, in the order of the file.

    Of numbers it digests which are above the median of their block, so that scaling changes nothing.

    Args:
        development: The development part.
        test: The test part.
        key: Secret of the register.

    Returns:
        The digests in ascending order, and whether each block has rows of the test part.
    """
    digests: dict[int, bool] = {}
    numbers = development.info.task == "regression"
    if (numbers and development.targets.ndim == 1) or development.info.task == "classification":
        labels = np.concatenate([development.targets, test.targets])
        is_test = np.arange(len(labels)) >= len(development)
        if development.positions is None or test.positions is None:
            sequences = [np.flatnonzero(~is_test), np.flatnonzero(is_test)]
        else:
            sequences = [np.argsort(np.concatenate([development.positions, test.positions]), kind="stable")]
        for rows in sequences:
            for start in range(0, max(1, len(rows) - BLOCK + 1), BLOCK):
                block = rows[start : start + BLOCK]
                codes = labels[block] > np.median(labels[block]) if numbers else labels[block]
                if _irregular(codes):
                    digest = _digest_of(codes, key)
                    digests[digest] = digests.get(digest, False) or bool(is_test[block].any())
    ordered = sorted(digests)
    return np.array(ordered, np.uint64), np.array([digests[digest] for digest in ordered], bool)


def _irregular(block: NDArray[np.generic]) -> bool:
    if len(block) < WINDOW:
        return False
    windows = np.lib.stride_tricks.sliding_window_view(block, WINDOW)
    return len(np.unique(windows, axis=0)) >= MIXED


def _digest_of(block: NDArray[np.generic], key: bytes) -> int:
    """Digest labels by the order in which they first occur, so that their names play no role."""
    _, first, codes = np.unique(block, return_index=True, return_inverse=True)
    renamed = np.argsort(np.argsort(first))[codes].astype(np.uint64)
    return sequence_hash(renamed, key, bits=20)
