"""Validation error against the number of training rows, and what twice the data would bring.

Errors fall as a power of the number of examples over a wide range (Hestness et al., Deep Learning Scaling is
Predictable, Empirically, 2017), so they lie on a line where both axes are logarithmic.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from hpo.core.diagnosis import SizeResult
from hpo.core.formatting import score
from hpo.core.trainable import Examples

SHARES = (1 / 8, 1 / 4, 1 / 2)
"""Trainings on a share of the rows; all together they cost less than one more training."""

LEAST = 20
"""Training rows below which a share is left out."""


def sizes(
    train: Examples, seed: int, full: float, error_of: Callable[[Examples], float]
) -> Iterator[SizeResult]:
    """Yield the error for each share of the rows, smaller ones contained in larger ones.

    Args:
        train: All training rows.
        seed: Source of their order.
        full: The error after training on all of them.
        error_of: Trains on rows and returns the validation error.
    """
    order = np.random.default_rng(seed).permutation(train.rows)
    for share in SHARES:
        rows = order[: int(share * len(order))]
        if len(rows) >= LEAST:
            yield SizeResult(len(rows), error_of(dataclasses.replace(train, rows=np.sort(rows))))
    if math.isfinite(full):
        yield SizeResult(len(train), full)


def forecast(results: Sequence[SizeResult], name: str) -> str:
    """Return what twice the data would bring, in a sentence; empty if that cannot be estimated."""
    usable = [result for result in results if math.isfinite(result.error) and result.error > 0]
    if len(usable) < 3:
        return ""
    rows, errors = (np.log([getattr(result, field) for result in usable]) for field in ("rows", "error"))
    slope, offset = np.polyfit(rows, errors, 1)
    most = max(result.rows for result in usable)
    at_all, at_twice = (math.exp(offset + slope * math.log(n)) for n in (most, 2 * most))
    if at_twice > 0.97 * at_all:
        return (
            f"More data would hardly help: twice the {most:,} rows would leave {name} at about "
            f"{score(at_all)}."
        )
    return (
        f"Twice the {most:,} training rows would lower {name} from about {score(at_all)} to about "
        f"{score(at_twice)}, if it goes on falling as a power of the number of rows."
    )
