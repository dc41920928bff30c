"""How many equal rows chance explains, so that tables of few values are not taken for copied ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.data.table_copies import enough_bits, information
from trainables.data.digests import as_keys, row_digests

ALLOWED = 2
"""Equal rows that are never more than chance explains, where rows hold little information."""
DEVIATIONS = 3


@dataclass(frozen=True, slots=True)
class EqualByChance:
    """What the rows of one part say about equal rows in others from the same source.

    Attributes:
        rows: Number of rows.
        bits: Mean information of a row.
        per_row: Expected number of them that equal any one row from elsewhere.
    """

    rows: int
    bits: float
    per_row: float

    def explains(self, count: int, others: int) -> bool:
        """Return whether chance explains that this many rows equal one of a number of other rows."""
        if self.bits >= enough_bits(self.rows, others):
            return False
        expected = min(self.rows, others * self.per_row)
        return count <= expected + DEVIATIONS * float(np.sqrt(expected)) + ALLOWED


def equal_by_chance(rows: NDArray[np.float32]) -> EqualByChance:
    """Estimate it from the values of the columns and from the equal rows among themselves.

    Args:
        rows: float32 [n, columns], NaN where a value is missing.
    """
    bits = information(rows).sum(axis=1)
    _, counts = np.unique(as_keys(row_digests(rows)), return_counts=True)
    repeated = int(counts[counts > 1].sum()) / len(rows)
    return EqualByChance(len(rows), float(bits.mean()), max(repeated, float(np.exp2(-bits).sum())))
