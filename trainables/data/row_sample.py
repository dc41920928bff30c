"""Which rows of large data are looked at: all of them up to a stated number, then a fixed random sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_DIGESTED = 1_000_000
"""Rows of a part that stays in its file, up to which each is compared with all others."""
MOST_DIGESTED_BYTES = 4 << 30
"""Bytes of these rows together; readers before `BY_BYTES` digested rows of any size."""
BY_BYTES = 9
"""Version of the readers from which bytes count."""
MOST_ROWS = 20_000
"""Rows of such a part in which near copies, columns and distributions are looked at."""
MOST_BYTES = 64 << 20
"""Bytes of these rows together."""


def digested_rows(inputs: NDArray[Any], reader: int) -> NDArray[np.int64] | None:
    """Return the rows by which a part is recognised; None for all.

    Args:
        inputs: Inputs of the part, [n, ...].
        reader: Version of the reader, `trainables.data.uncut.READER`.
    """
    n, most = len(inputs), MOST_DIGESTED
    if reader >= BY_BYTES:
        most = min(most, max(1, MOST_DIGESTED_BYTES // max(1, inputs.nbytes // max(1, n))))
    return None if n <= most else spread_rows(n, most)


def sampled_rows(inputs: NDArray[Any]) -> NDArray[np.int64]:
    """Return the rows of large inputs that the checks of values look at."""
    n = len(inputs)
    affordable = MOST_BYTES // max(1, inputs.nbytes // max(1, n))
    return spread_rows(n, max(1, min(n, MOST_ROWS, affordable)))


def spread_rows(n: int, count: int) -> NDArray[np.int64]:
    """Return distinct rows in ascending order, one at random from each of equal stretches of n rows."""
    if count >= n:
        return np.arange(n)
    edges = np.linspace(0, n, count + 1)
    drawn = edges[:-1] + np.random.default_rng(0).random(count) * np.diff(edges)
    rows = np.clip(drawn.astype(np.int64), 0, n - 1)
    return np.unique(rows)
