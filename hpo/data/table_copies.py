"""Rows of a table that are copies of other rows although not every cell agrees.

Two kinds are found. A row with noise or rounded numbers lies far closer to its original than rows
otherwise lie to each other. A row with one or two other cells, such as a new identifier, agrees with its
original in every other column. Neither counts where chance brings rows as close: in few columns, or in
columns of few values.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.core.trainable import DataInfo
from hpo.data.changed_cells import changed_cells
from hpo.data.close_rows import close_rows
from hpo.data.nearest_rows import nearest_rows
from hpo.data.sketch import Hashes, mixed

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]
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
GRID, RANKED = 1000, 20_000
"""Steps of the ranks of a column, and rows from which they are estimated; a random sample of more."""
USUAL = 128
"""Rows from which the usual distance is estimated; a random sample of more."""


@dataclass(frozen=True)
class TableCopies:
    """Copies between two sets of rows.

    Attributes:
        near: Pairs (our row, their row) that are too close to each other, int64 [m, 2].
        but_few: Pairs that agree in all columns but one or two, likewise; no pair is in both.
        columns: Positions of the columns that differ in them, one or two for each pair.
        searched: Number of their rows for which copies were looked for.
        among: Number of our rows among which they were looked for.
    """

    near: Pairs
    but_few: Pairs
    columns: NDArray[np.int64]
    searched: int
    among: int

    @property
    def ours(self) -> NDArray[np.int64]:
        """Our rows that are a copy of any of their rows, ascending."""
        return np.unique(np.concatenate([self.near[:, 0], self.but_few[:, 0]]))

    @property
    def theirs(self) -> NDArray[np.int64]:
        """Their rows that are a copy of any of our rows, ascending."""
        return np.unique(np.concatenate([self.near[:, 1], self.but_few[:, 1]]))

    def column(self, info: DataInfo) -> str:
        """Return the name of the column that differs in the most copies of ``but_few``; empty if in none."""
        return column_names(info)[int(np.bincount(self.columns).argmax())] if len(self.columns) else ""


NONE = TableCopies(np.zeros((0, 2), np.int64), np.zeros((0, 2), np.int64), np.zeros(0, np.int64), 0, 0)


def table_copies(ours: Floats, theirs: Floats, info: DataInfo) -> TableCopies:
    """Find rows of two tables that are copies of each other but for noise, rounding or one or two cells.

    Rows that agree in every column are left out: their digests find them.

    Args:
        ours: float32 [n, columns], NaN where a value is missing.
        theirs: float32 [k, columns].
        info: Names of the columns, and which are categories.
    """
    if len(ours) < FEWEST or not len(theirs) or not 2 <= ours.shape[1] <= MOST_COLUMNS:
        return NONE
    left, right = _sample(len(ours), MOST_ROWS), _sample(len(theirs), MOST_SEARCHED)
    cells = _hashes(ours[left]), _hashes(theirs[right])
    keys = tuple(hashes.sum(axis=1, dtype=np.uint64) for hashes in cells)
    once = np.sort(np.unique(keys[0], return_index=True)[1])
    others = np.flatnonzero(~np.isin(keys[1], keys[0]))
    one, other = ours[left[once]], theirs[right[others]]
    known = _Known(one, enough_bits(len(one), len(other)))
    changed = changed_cells(cells[0][once], cells[1][others], known)
    near = _near(one, other, np.array([name in info.categories for name in column_names(info)]), known)
    near = near[~np.isin(near[:, 1], changed.pairs[:, 1])]
    close, few = (
        np.stack([left[once][found[:, 0]], right[others][found[:, 1]]], axis=1)
        for found in (near, changed.pairs)
    )
    columns = np.nonzero(changed.changed)[1]
    return TableCopies(close, few, columns, len(right), min(len(ours), MOST_ROWS))


@dataclass(frozen=True)
class _Known:
    """How much our rows say, computed only if a pair may be a copy.

    Attributes:
        rows: Our rows, [n, columns].
        needed: Bits from which equal cells are no coincidence.
    """

    rows: Floats
    needed: float

    @functools.cached_property
    def bits(self) -> NDArray[np.float64]:
        """Information of each cell, [n, columns]."""
        return information(self.rows)

    def enough(self, rows: Rows, without: NDArray[np.bool_] | None = None) -> NDArray[np.bool_]:
        """Return whether each of these rows is no coincidence, without some of its cells if given."""
        if not len(rows):
            return np.zeros(0, np.bool_)
        bits = self.bits[rows] if without is None else np.where(without, 0.0, self.bits[rows])
        return np.asarray(bits.sum(axis=1) >= self.needed)


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


def _hashes(rows: Floats) -> Hashes:
    """Return a hash of every cell that depends on its column, [n, columns]."""
    hashes = np.empty(rows.shape, np.uint64)
    for index, column in enumerate(rows.T):
        values = np.where(np.isnan(column), np.float32(np.nan), column + np.float32(0))
        tokens = np.ascontiguousarray(values).view(np.uint32).astype(np.uint64)
        hashes[:, index] = mixed(tokens | np.uint64(index << 32), b"hpo cell")
    return hashes


def _near(ours: Floats, theirs: Floats, categorical: NDArray[np.bool_], known: _Known) -> Pairs:
    """Return pairs that lie closer than a tenth of the usual distance, and closer than chance explains.

    The usual distance is estimated from some of their rows, and only those that lie closer are compared
    with their own surroundings.
    """
    none = np.zeros((0, 2), np.int64)
    some = _sample(len(ours), RANKED)
    low, high = np.fmin.reduce(ours[some], axis=0), np.fmax.reduce(ours[some], axis=0)
    varied = (low < high) & np.isfinite(high - low)
    used = np.array([not _identifies(column) for column in ours.T]) & varied
    if len(ours) < FEWEST or not len(theirs) or used.sum() < 2:
        return none
    one, other = _scaled(ours[:, used], theirs[:, used], some)
    distances, _ = nearest_rows(one, other[_sample(len(other), USUAL)], NEIGHBOURS)
    share = min(CLOSER, _share_by_chance(distances, len(other)))
    usual = float(np.median(distances[:, 1]))  # the second: the first may be a copy
    close = np.flatnonzero(close_rows(one, other, share * usual))
    if not len(close):
        return none
    distances, rows = nearest_rows(one, other[close], NEIGHBOURS)
    closer = distances[:, 0] < share * np.minimum(usual, distances[:, -1])
    pairs = np.stack([rows[:, 0], close], axis=1)[closer]
    agree = _same(ours[pairs[:, 0]], theirs[pairs[:, 1]], categorical)
    return np.asarray(pairs[agree & known.enough(pairs[:, 0])], np.int64)


def _identifies(column: Floats) -> bool:
    """Return whether a column numbers the rows: nearly all are distinct integers."""
    values = column[~np.isnan(column)]
    if len(values) < FEWEST or (values != np.rint(values)).any():
        return False
    return len(np.unique(values)) > 0.9 * len(column)


def _scaled(
    ours: Floats, theirs: Floats, some: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return columns by rank among some of our rows, from 0 to 1, and -1 where a value is missing."""
    scaled = np.empty(ours.shape), np.empty(theirs.shape)
    for index, column in enumerate(ours[some].T):
        ordered = np.sort(column[~np.isnan(column)].astype(np.float64))
        picked = ordered[np.linspace(0, len(ordered) - 1, min(len(ordered), GRID)).astype(np.int64)]
        values, positions = np.unique(picked, return_index=True)
        for rows, ranks in zip((ours, theirs), scaled, strict=True):
            ranks[:, index] = np.interp(rows[:, index], values, positions / max(1, len(picked) - 1))
            ranks[np.isnan(rows[:, index]), index] = -1.0
    return scaled


def _share_by_chance(distances: NDArray[np.float64], searched: int) -> float:
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
    return float((BY_CHANCE / ((NEIGHBOURS - 1) * searched)) ** (1 / dimension))


def _same(ours: Floats, theirs: Floats, categorical: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return whether rows agree in their categories and in which cells are missing."""
    missing = np.isnan(ours) == np.isnan(theirs)
    equal = (ours == theirs) | np.isnan(ours) | ~categorical
    return np.asarray((missing & equal).all(axis=1))
