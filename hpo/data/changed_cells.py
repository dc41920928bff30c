"""Rows of two tables that agree in every column but one or two.

Hashes of cells add up to a hash of a row, so a sum without the cells of some columns is equal in rows that
differ in these alone. Every column is left out by itself; for pairs the columns are put together into a few
sets, of which two at a time are left out, so that the time does not grow with the square of the columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hpo.data.sketch import Hashes

Pairs = NDArray[np.int64]

TWO_OF = 6
"""Columns from which two may differ: at least twice as many agree."""
SETS = 12
"""Sets of columns of which two at a time are left out."""
ENDS = np.uint64(0xFFFF)
"""The last bits of a hash, by which most rows are told apart."""


class Coincidences(Protocol):
    """Knows which of our rows are no coincidence."""

    def enough(self, rows: NDArray[np.int64], without: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return whether the cells of each row [m] that are not left out [m, columns] tell it from others."""
        ...


@dataclass(frozen=True)
class ChangedCells:
    """Pairs of rows that agree but for one or two cells.

    Attributes:
        pairs: Our row and their row, [m, 2]; each of their rows at most once.
        changed: Which of their columns differ, [m, columns].
    """

    pairs: Pairs
    changed: NDArray[np.bool_]


def changed_cells(ours: Hashes, theirs: Hashes, known: Coincidences) -> ChangedCells:
    """Return pairs of rows that agree in all columns but one or two.

    Args:
        ours: A hash of every cell, [n, columns].
        theirs: Likewise, [k, columns].
        known: Which rows are no coincidence.
    """
    most = 2 if ours.shape[1] >= TWO_OF else 1
    keys = (_equal_keys(*both) for both in zip(_reduced(ours, most), _reduced(theirs, most), strict=True))
    pairs = np.concatenate([np.zeros((0, 2), np.int64), *keys])
    changed = ours[pairs[:, 0]] != theirs[pairs[:, 1]]
    counts = changed.sum(axis=1)
    good = np.flatnonzero(counts <= most)
    good = good[known.enough(pairs[good, 0], changed[good])]
    good = good[np.argsort(counts[good], kind="stable")]
    first = good[np.unique(pairs[good, 1], return_index=True)[1]]
    return ChangedCells(pairs[first], changed[first])


def _reduced(hashes: Hashes, most: int) -> Iterator[NDArray[np.uint64]]:
    """Yield the sum of each row, [n], without every column and, if two may differ, without every two sets."""
    whole, columns = hashes.sum(axis=1, dtype=np.uint64), hashes.shape[1]
    yield from (whole - hashes[:, column] for column in range(columns))
    if most == 2:
        count = min(columns, SETS)
        sets = np.add.reduceat(hashes, np.arange(count) * columns // count, axis=1).T.copy()
        yield from (whole - one - other for one, other in combinations(sets, 2))


def _equal_keys(ours: Hashes, theirs: Hashes) -> Pairs:
    """Return for each of their keys that is among ours one pair of positions (ours, theirs)."""
    ends = np.zeros(int(ENDS) + 1, np.bool_)  # of a key: most of ours are excluded before any sorting
    ends[theirs & ENDS] = True
    able = np.flatnonzero(ends[ours & ENDS])
    if not len(able):
        return np.zeros((0, 2), np.int64)
    able = able[np.argsort(ours[able], kind="stable")]
    position = np.minimum(np.searchsorted(ours[able], theirs), len(able) - 1)
    hits = np.flatnonzero(ours[able[position]] == theirs)
    return np.stack([able[position[hits]], hits], axis=1)
