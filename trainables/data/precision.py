"""Columns whose differences single precision would lose: they are shifted and scaled before the cast.

Milliseconds since 1970, counters of twelve digits and coordinates in metres differ by less than float32
resolves; charges in coulombs can be smaller than its smallest number.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOST = 1e-3
"""Rounding error of single precision, in standard deviations, from which it matters."""

EXACT = 2.0**53
"""Magnitude from which double precision does not hold every whole number."""


def rounding(values: NDArray[np.float64]) -> float:
    """Return the largest rounding error of float32, in standard deviations; 0 if it cannot be told."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return 0.0
    with np.errstate(over="ignore", under="ignore"):
        spread = float(finite.std())
        error = float(np.abs(finite.astype(np.float32) - finite).max())
    return error / spread if spread > 0 and np.isfinite(error) and np.isfinite(spread) else 0.0


def is_lost(values: NDArray[np.generic], stored: NDArray[np.float32]) -> bool:
    """Return whether numbers as float32 stores them have lost what tells them apart."""
    exact = values.astype(np.float64)
    if not np.isfinite(exact).all() or not np.isfinite(stored).all():
        return rounding(exact) > LOST
    error = float(np.abs(stored - exact).max(initial=0.0))
    return error > 0 and error > LOST * float(exact.std()) > 0


def scaling_of(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """Return what to subtract from a column, and then to divide it by; None if float32 can hold it as it is.

    Args:
        values: The development part, [n]; NaN where a value is missing.
    """
    if rounding(values) <= LOST:
        return None
    finite = values[np.isfinite(values)]
    return float(finite.mean()), float(finite.std())


def scaled(values: NDArray[np.float64], scaling: tuple[float, float] | None) -> NDArray[np.float64]:
    """Return a column in the units in which it is stored."""
    return values if scaling is None else (values - scaling[0]) / scaling[1]


def sentence(name: str, values: NDArray[np.float64], scaling: tuple[float, float]) -> str:
    """Say that a column is stored in other units, and why."""
    return (
        f"column {name}: single precision would round its values by up to {rounding(values):.2g} of their "
        f"standard deviation; it is stored as (value - {scaling[0]:.6g}) / {scaling[1]:.6g}"
    )
