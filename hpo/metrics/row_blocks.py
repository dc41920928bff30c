"""Which rows of a part vary together: none, those of a group, or those of a stretch of time.

Rows of one patient or of one week repeat each other, so that a thousand of them can be worth fifty
independent ones. Every variance of a score is therefore taken over blocks: rows, groups, or
stretches of time.

Cameron & Miller, "A practitioner's guide to cluster-robust inference", J. Human Resources 2015
(groups); Schmeiser, "Batch size effects in the analysis of simulation output", Operations Research
1982, and Politis & Romano, "Bias-corrected nonparametric spectral estimation", J. Time Series
Analysis 1995 (time).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Codes = NDArray[np.intp]

Kind = Literal["rows", "groups", "times"]

STRETCHES, MANY_STRETCHES, MANY_ROWS = 10, 20, 1000
"""Stretches into which time is cut, and how many from this number of rows on."""
FEW_GROUPS = 20
"""Groups below which an interval over groups is rough."""
CARRIED = 1.5
"""Factor of the blocks that carry a variance. Of sums that are normal a third of the blocks count as
carrying it; by simulation, half of them give intervals of the average precision their level."""


@dataclass(frozen=True)
class RowBlocks:
    """A partition of rows into blocks that are independent of each other.

    Attributes:
        codes: Number of each row's block, [n], from 0 without gaps.
        kind: What a block is.
        halves: Of stretches of time, number of each row's half stretch, [n]; else None.
        order: Of stretches of time, the rows in their order in time, [n]; else None.
    """

    codes: Codes
    kind: Kind = "rows"
    halves: Codes | None = None
    order: Codes | None = None

    @classmethod
    def independent(cls, n: int) -> RowBlocks:
        """Return ``n`` rows that do not depend on each other."""
        return cls(np.arange(n))

    @classmethod
    def of(cls, n: int, groups: Any = None, times: Any = None) -> RowBlocks:
        """Return the blocks of ``n`` rows; times count where both are given.

        Args:
            n: Number of rows.
            groups: Group of each row, [n]; None if rows are independent.
            times: Time of each row, [n]; None if time does not matter.
        """
        if times is not None:
            return cls.of_times(np.asarray(times))
        if groups is not None:
            return cls(np.unique(np.asarray(groups), return_inverse=True)[1].reshape(-1), "groups")
        return cls.independent(n)

    @classmethod
    def of_times(cls, times: NDArray[Any]) -> RowBlocks:
        """Return consecutive stretches of equally many rows; rows of one time are not separated."""
        n = len(times)
        stretches = MANY_STRETCHES if n >= MANY_ROWS else STRETCHES
        moments, at = np.unique(times, return_inverse=True)
        first = np.searchsorted(np.sort(times), moments)
        halves = np.unique((first * 2 * stretches // max(n, 1))[at.reshape(-1)], return_inverse=True)[1]
        codes = np.unique(halves // 2, return_inverse=True)[1]
        return cls(codes, "times", halves, np.argsort(times, kind="stable"))

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def count(self) -> int:
        """Number of blocks."""
        return int(self.codes.max()) + 1 if len(self.codes) else 0

    @property
    def dof(self) -> float:
        """Degrees of freedom of a variance over blocks: fewer if some are much larger than others."""
        sizes = np.bincount(self.codes)
        return float(sizes.sum()) ** 2 / float((sizes.astype(np.float64) ** 2).sum()) - 1

    def carrying(self, influence: Values) -> float:
        """Return the degrees of freedom of a variance over blocks, fewer if few of them carry most of it.

        The effective number of blocks is that of Kish ("Survey Sampling", 1965, section 11.7), with the
        squares of their sums as weights.
        """
        squares = self.sums(influence) ** 2
        total = float((squares**2).sum())
        return min(self.dof, CARRIED * float(squares.sum()) ** 2 / total - 1) if total > 0 else self.dof

    @property
    def words(self) -> str:
        """What the method of an interval says of the blocks; empty for independent rows."""
        if self.kind == "rows":
            return ""
        if self.kind == "times":
            return f" over {self.count} stretches of time"
        return f" over {self.count} groups" + (", which are few" if self.count < FEW_GROUPS else "")

    def sums(self, values: Values) -> Values:
        """Return sums over blocks: [blocks] of values [n]."""
        if self.kind == "rows":
            return values
        return np.bincount(self.codes, values, self.count).astype(np.float64)

    def variance(self, influence: Values) -> float:
        """Return the variance of a score from its influence [n], whose mean is zero.

        Stretches of time are still correlated with their neighbours, so the variance is extrapolated
        from half stretches to infinitely long ones; it is never taken to be less.
        """
        whole = _variance(self.sums(influence), len(influence))
        if self.halves is None:
            return whole
        half = _variance(np.bincount(self.halves, influence).astype(np.float64), len(influence))
        return max(whole, 2 * whole - half)

    def stretching(self, influence: Values) -> float:
        """Return how many times the variance over whole stretches of time the extrapolated one is."""
        whole = _variance(self.sums(influence), len(influence))
        return self.variance(influence) / whole if whole > 0 else 1.0

    def memory(self, influence: Values) -> float:
        """Return for how much of a stretch of time rows depend on each other; 0 without times.

        It is the integrated autocorrelation time, summed while pairs of autocorrelations are positive
        (Geyer, "Practical Markov chain Monte Carlo", Statistical Science 1992).
        """
        n = len(influence)
        if self.order is None or not n:
            return 0.0
        values = influence[self.order] - influence.mean()
        total = float(values @ values)
        steps = 1.0
        for lag in range(1, n // 4 if total > 0 else 0, 2):
            pair = float(values[:-lag] @ values[lag:] + values[: -lag - 1] @ values[lag + 1 :]) / total
            if pair <= 0:
                break
            steps += 2 * pair
        return steps * self.count / n

    def covariance(self, influences: Values) -> Values:
        """Return the covariances [k, k] of scores from their influences [k, n]."""
        sums = np.array([self.sums(influence) for influence in influences])
        blocks = sums.shape[1]
        if blocks < 2:
            return np.full((len(sums), len(sums)), np.nan)
        covariance: Values = sums @ sums.T * (blocks / (blocks - 1) / influences.shape[1] ** 2)
        return covariance

    def drawn(self, rng: np.random.Generator) -> NDArray[np.intp]:
        """Draw whole blocks with replacement; return their rows."""
        order = np.argsort(self.codes, kind="stable")
        ends = np.cumsum(np.bincount(self.codes))
        chosen = rng.integers(0, len(ends), len(ends))
        return np.concatenate([order[ends[block - 1] if block else 0 : ends[block]] for block in chosen])

    def taken(self, rows: NDArray[Any]) -> RowBlocks:
        """Return the blocks of some of the rows; ``rows`` are positions or a mask, [n]."""
        codes = np.unique(self.codes[rows], return_inverse=True)[1]
        halves = None if self.halves is None else np.unique(self.halves[rows], return_inverse=True)[1]
        if self.order is None:
            return RowBlocks(codes, self.kind, halves)
        return RowBlocks(codes, self.kind, halves, np.argsort(np.argsort(self.order)[rows], kind="stable"))


def _variance(sums: Values, n: int) -> float:
    blocks = len(sums)
    if blocks < 2:
        return float("nan")
    return float((sums**2).sum()) * blocks / (blocks - 1) / n**2
