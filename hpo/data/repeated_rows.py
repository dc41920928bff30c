"""Find rows that are equal, so that a split keeps them on one side.

A row that is trained on and validated on scores its memory. Where the columns have few values, however, most
rows repeat another without being a copy of it; such rows are divided as if they were different.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainables.data.digests import as_keys, row_digests

MOST = 0.5
"""Share of repeated rows above which they are taken for what few values give."""
SAMPLED = 16
"""Values of a row that are compared first, so that most rows need not be read as a whole."""


def repeated_rows(inputs: NDArray[Any]) -> NDArray[np.int64] | None:
    """Return a number for every row that only rows with equal inputs share, [n].

    Args:
        inputs: Inputs of the rows, [n, ...].

    Returns:
        The numbers; None if no row repeats another, or more than half of them do.
    """
    values = inputs.reshape(len(inputs), -1)
    some = np.unique(np.linspace(0, values.shape[1] - 1, SAMPLED).astype(int))
    alike = np.flatnonzero(_repeats(np.asarray(values[:, some])))
    numbers = np.arange(len(inputs))
    keys = as_keys(row_digests(inputs[alike]))
    _, first, same = np.unique(keys, return_index=True, return_inverse=True)
    numbers[alike] = alike[first[same]]
    repeated = int((np.bincount(same)[same] > 1).sum()) if len(alike) else 0
    return numbers if 0 < repeated <= MOST * len(inputs) else None


def _repeats(rows: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which rows equal another, [n]."""
    _, same, counts = np.unique(as_keys(row_digests(rows)), return_inverse=True, return_counts=True)
    return np.asarray(counts[same] > 1)
