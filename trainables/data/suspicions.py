"""What is odd about the columns of a table, so that it is said before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hpo.core.trainable import DataInfo
from trainables.data.table_reading import Table

FEW = 20
"""Rows below which all values of a column may well be different whole numbers."""

LOST = 1e-3
"""Rounding error of single precision, in standard deviations, from which it matters."""


def suspicions(table: Table, info: DataInfo) -> tuple[str, ...]:
    """Return a sentence for each input column that looks like an identifier or that float32 rounds.

    Args:
        table: The development part.
        info: Its inputs.
    """
    return tuple(
        sentence
        for name in info.columns
        if name not in info.categories and (values := table.numbers(name)) is not None
        for sentence in _suspicions_of(name, values, table.rows)
    )


def _suspicions_of(name: str, values: NDArray[np.float64], rows: NDArray[np.int64]) -> Iterator[str]:
    if len(values) > FEW and np.ptp(values) >= len(values) - 1 and _is_whole(values):
        ordered = np.sort(values)  # only where enough whole numbers lie between the ends
        if np.ptp(values - rows) == 0:
            yield f"column {name} is the number of the row; to leave it out, list it under `ignore`"
        elif (ordered[1:] > ordered[:-1]).all():
            yield (
                f"column {name} has a different whole number in every row; if it is an identifier, list it "
                "under `ignore`"
            )
    if (rounded := _rounding(values)) > LOST:
        yield (
            f"column {name}: single precision rounds its values by up to {rounded:.2g} of their standard "
            "deviation; subtract an offset before, or store differences"
        )


def _is_whole(values: NDArray[np.float64]) -> bool:
    """Return whether all values are whole and none is missing; most others are found by the first ones."""
    return all(bool((part % 1 == 0).all()) for part in (values[:FEW], values))


def _rounding(values: NDArray[np.float64]) -> float:
    """Return the largest rounding error of float32, in standard deviations."""
    known = values[np.isfinite(values)]
    if not len(known):
        return 0.0
    spread = float(known.std())
    with np.errstate(over="ignore"):
        error = float(np.abs(known.astype(np.float32) - known).max())
    return error / spread if spread > 0 and np.isfinite(error) else 0.0
