"""Numbers such as -999 by which people write that a value is missing; a network takes them for amounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CODES = frozenset(sign * (10.0**digits - 1) for digits in range(1, 10) for sign in (-1, 1)) - {9.0}
"""-9, -99, ... and 99, 999, ..."""

LEAST = 3
"""Times that such a number occurs before it is one."""


@dataclass(frozen=True, slots=True)
class MissingCode:
    """A number in a column that probably stands for a missing value.

    Attributes:
        value: The number.
        rows: Its rows, [n].
        low: Least of the other numbers.
        high: Greatest of the other numbers.
    """

    value: float
    rows: NDArray[np.int64]
    low: float
    high: float

    def __str__(self) -> str:
        return (
            f"{len(self.rows):,} values are {self.value:.6g}, the others {self.low:.6g} to {self.high:.6g}; "
            "if it stands for a missing value, "
        )


def missing_code(values: NDArray[np.floating[Any]]) -> MissingCode | None:
    """Return the number that probably stands for a missing value; None if none does.

    It is the least or the greatest, occurs several times, and is farther from all others than these are
    from each other.

    Args:
        values: A column, [n]; NaN where a value is missing.
    """
    for end in (float(np.fmin.reduce(values)), float(np.fmax.reduce(values))):
        if end not in CODES:
            continue
        others, rows = values[(values != end) & ~np.isnan(values)], np.flatnonzero(values == end)
        if len(rows) < LEAST or len(others) < len(rows):
            continue
        low, high = float(others.min()), float(others.max())
        if low < high and min(abs(low - end), abs(high - end)) > high - low:
            return MissingCode(end, rows, low, high)
    return None
