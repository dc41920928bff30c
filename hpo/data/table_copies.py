"""Rows of a table that are copies of other rows although not every cell agrees.

Two kinds are found. A row with noise or rounded numbers lies far closer to its original than rows
otherwise lie to each other. A row with one other cell, such as a new identifier, agrees with its
original in every other column. Neither counts where chance brings rows as close: in few columns, or in
columns of few values.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.core.trainable import DataInfo
from hpo.data.nearest_rows import nearest_rows
from hpo.data.sketch import Hashes, mixed
from trainables.data.digests import as_keys, row_digests

Floats = NDArray[np.float32]
Pairs = NDArray[np.int64]

MOST_SEARCHED = 2000
"""Rows for which copies are looked for; a random sample of more."""
MOST_ROWS = 100_000
"""Rows among which the nearest are looked for; a random sample of more."""
MOST_COLUMNS = 256
"""Columns beyond which rows are not compared: sums over more columns hide a difference in one."""
FEWEST = 20
NEIGHBOURS = 8
CLOSER = 0.1
"""Greatest share of the usual distance between neighbours at which a row is a copy."""
BY_CHANCE = 0.02
"""Expected number of rows that are as close by chance; in few dimensions it lowers the limit."""
SURE_BITS = 10
"""Bits beyond those that tell all pairs of rows apart, from which equal cells are no coincidence."""
GRID = 1000


@dataclass(frozen=True)
class TableCopies:
    """Copies between two sets of rows.

    Attributes:
        near: Pairs (our row, their row) that are too close to each other, int64 [m, 2].
        but_one: Pairs that agree in all columns but one, likewise; no pair is in both.
        columns: For each pair of ``but_one``, the position of the column that differs, [m].
        searched: Number of their rows for which copies were looked for.
        among: Number of our rows among which they were looked for.
    """

    near: Pairs
    but_one: Pairs
    columns: NDArray[np.int64]
    searched: int
    among: int

    @property
    def ours(self) -> NDArray[np.int64]:
        """Our rows that are a copy of any of their rows, ascending."""
        return np.unique(np.concatenate([self.near[:, 0], self.but_one[:, 0]]))

    @property
    def theirs(self) -> NDArray[np.int64]:
        """Their rows that are a copy of any of our rows, ascending."""
        return np.unique(np.concatenate([self.near[:, 1], self.but_one[:, 1]]))

    def column(self, info: DataInfo) -> str:
        """Return the name of the column that alone differs in the most copies; empty if in none."""
        return column_names(info)[int(np.bincount(self.columns).argmax())] if len(self.columns) else ""


NONE = TableCopies(np.zeros((0, 2), np.int64), np.zeros((0, 2), np.int64), np.zeros(0, np.int64), 0, 0)


def table_copies(ours: Floats, theirs: Floats, info: DataInfo) -> TableCopies:
    """Find rows of two tables that are copies of each other but for noise, rounding or one cell.

    Rows that agree in every column are left out: their digests find them.

    Args:
        ours: float32 [n, columns], NaN where a value is missing.
        theirs: float32 [k, columns].
        info: Names of the columns, and which are categories.
    """
    if len(ours) < FEWEST or not len(theirs) or not 2 <= ours.shape[1] <= MOST_COLUMNS:
        return NONE
    left, right = _sample(len(ours), MOST_ROWS), _sample(len(theirs), MOST_SEARCHED)
    keys = as_keys(row_digests(ours[left])), as_keys(row_digests(theirs[right]))
    left = left[np.sort(np.unique(keys[0], return_index=True)[1])]
    other = right[~np.isin(keys[1], keys[0])]
    but_one, columns = _but_one(ours[left], theirs[other])
    near = _near(
        ours[left], theirs[other], np.array([name in info.categories for name in column_names(info)])
    )
    near = near[~np.isin(near[:, 1], but_one[:, 1])]
    close, changed = (np.stack([left[found[:, 0]], other[found[:, 1]]], axis=1) for found in (near, but_one))
    return TableCopies(close, changed, columns, len(right), min(len(ours), MOST_ROWS))


def information(rows: Floats) -> NDArray[np.float64]:
    """Return how much each cell distinguishes its row, in bits: [n, columns].

    It is the negative logarithm of the probability that another row has the same value in the column:
    its share, or for values that occur once the estimate of Good (1953), "The population frequencies of
    species and the estimation of population parameters".
    """
    bits = np.empty(rows.shape)
    for index, column in enumerate(rows.T):
        _, inverse, counts = np.unique(column, return_inverse=True, return_counts=True)
        once, twice = int((counts == 1).sum()), max(0.5, float((counts == 2).sum()))
        repeats = np.where(counts == 1, min(1.0, 2 * twice / max(1, once)), counts)
        bits[:, index] = np.log2(len(column) / repeats)[inverse]
    return bits


def enough_bits(ours: int, theirs: int) -> float:
    """Return the bits from which two rows of this many pairs do not agree by coincidence."""
    return float(np.log2(max(1, ours)) + np.log2(max(1, theirs)) + SURE_BITS)


def column_names(info: DataInfo) -> tuple[str, ...]:
    """Return the names of a table's columns; their positions where it has no names."""
    return info.columns or tuple(map(str, range(info.shape[0])))


def _sample(n: int, most: int) -> NDArray[np.int64]:
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, most, replace=False))


def _but_one(ours: Floats, theirs: Floats) -> tuple[Pairs, NDArray[np.int64]]:
    """Return pairs of rows that agree in all columns but one, and that column."""
    bits = information(ours)
    total, needed = bits.sum(axis=1), enough_bits(len(ours), len(theirs))
    left, right = _hashes(ours), _hashes(theirs)
    sums = left.sum(axis=1, dtype=np.uint64), right.sum(axis=1, dtype=np.uint64)
    pairs, columns = [np.zeros((0, 2), np.int64)], [np.zeros(0, np.int64)]
    for column in range(ours.shape[1]):
        able = np.flatnonzero(total - bits[:, column] >= needed)
        keys = (sums[0] - left[:, column])[able]
        order = np.argsort(keys)
        sums_of_others = sums[1] - right[:, column]
        position = np.minimum(np.searchsorted(keys[order], sums_of_others), max(0, len(able) - 1))
        hits = np.flatnonzero(keys[order][position] == sums_of_others) if len(able) else np.zeros(0, np.int64)
        pairs.append(np.stack([able[order][position[hits]], hits], axis=1) if len(able) else pairs[0])
        columns.append(np.full(len(hits), column))
    both = np.concatenate(pairs)
    _, first = np.unique(both[:, 1], return_index=True)
    return both[first], np.concatenate(columns)[first]


def _hashes(rows: Floats) -> Hashes:
    """Return a hash of every cell that depends on its column, [n, columns]."""
    hashes = np.empty(rows.shape, np.uint64)
    for index, column in enumerate(rows.T):
        values = np.where(np.isnan(column), np.float32(np.nan), column + np.float32(0))
        tokens = np.ascontiguousarray(values).view(np.uint32).astype(np.uint64)
        hashes[:, index] = mixed(tokens | np.uint64(index << 32), b"hpo cell")
    return hashes


def _near(ours: Floats, theirs: Floats, categorical: NDArray[np.bool_]) -> Pairs:
    """Return pairs that lie closer than a tenth of the usual distance, and closer than chance explains."""
    none = np.zeros((0, 2), np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of columns without any value
        varied = np.nanstd(ours, axis=0) > 0
    used = np.array([not _identifies(column) for column in ours.T]) & varied
    if len(ours) < FEWEST or not len(theirs) or used.sum() < 2:
        return none
    one, other = (np.stack(list(columns), axis=1) for columns in _scaled(ours[:, used], theirs[:, used]))
    distances, rows = nearest_rows(one, other, NEIGHBOURS)
    first, last = distances[:, 0], distances[:, -1]
    share = min(CLOSER, _share_by_chance(distances, len(ours)))
    limit = share * np.minimum(np.median(distances[:, 1]), last)  # the second: the first may be a copy
    pairs = np.stack([rows[:, 0], np.arange(len(other))], axis=1)[first < limit]
    sure = information(ours).sum(axis=1)[pairs[:, 0]] >= enough_bits(len(ours), len(theirs))
    agree = _same(ours[pairs[:, 0]], theirs[pairs[:, 1]], categorical)
    return np.asarray(pairs[agree & sure], np.int64)


def _identifies(column: Floats) -> bool:
    """Return whether a column numbers the rows: nearly all are distinct integers."""
    values = column[~np.isnan(column)]
    if len(values) < FEWEST or (values != np.rint(values)).any():
        return False
    return len(np.unique(values)) > 0.9 * len(column)


def _scaled(ours: Floats, theirs: Floats) -> tuple[Iterator[NDArray[np.float64]], ...]:
    """Return columns by rank among ours, from 0 to 1, and -1 where a value is missing."""
    grids = []
    for column in ours.T:
        ordered = np.sort(column[~np.isnan(column)].astype(np.float64))
        picked = ordered[np.linspace(0, len(ordered) - 1, min(len(ordered), GRID)).astype(np.int64)]
        values, positions = np.unique(picked, return_index=True)
        grids.append((values, positions / max(1, len(picked) - 1)))
    return tuple(
        (
            np.where(np.isnan(column), -1.0, np.interp(column, *grid))
            for column, grid in zip(rows.T, grids, strict=True)
        )
        for rows in (ours, theirs)
    )


def _share_by_chance(distances: NDArray[np.float64], n: int) -> float:
    """Return the share of the usual distance that at most `BY_CHANCE` rows fall below by chance.

    Distances to neighbours grow as the d-th root of their number, whatever the density; d is estimated
    from them (Levina and Bickel 2004, "Maximum likelihood estimation of intrinsic dimension").
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.log(distances[:, -1:] / distances[:, 1:-1]).sum(axis=1)  # the nearest may be a copy
    usable = ratios[np.isfinite(ratios) & (ratios > 0)]
    if not len(usable):
        return 0.0
    dimension = (NEIGHBOURS - 2 - 1 / 3) / float(np.median(usable))
    return float((BY_CHANCE / ((NEIGHBOURS - 1) * len(distances))) ** (1 / dimension))


def _same(ours: Floats, theirs: Floats, categorical: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether rows agree in their categories and in which cells are missing."""
    missing = np.isnan(ours) == np.isnan(theirs)
    equal = (ours == theirs) | np.isnan(ours) | ~categorical
    return np.asarray((missing & equal).all(axis=1))
