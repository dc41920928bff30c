"""Forms of the metrics of values: squared and absolute error, and the explained share of the variance."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from hpo.metrics.forms import Form, Values, of_means


def candidates(outputs: Values, targets: Values) -> Iterator[Form]:
    """Yield the known metrics of predictions [n] of values [n]."""
    off = outputs - targets
    squared = of_means(off**2, share=False)
    yield squared
    yield of_means(np.abs(off), share=False)
    yield explained(off, targets)
    if squared.value > 0:
        root = math.sqrt(squared.value)
        yield Form(root, squared.influence / (2 * root), "positive")


def explained(off: Values, targets: Values) -> Form:
    """Return one less the mean squared error over the variance of the targets (R²).

    ``classes`` and ``sizes`` are the two squares of each row, whose ratio of sums is unexplained.
    """
    centred = targets - targets.mean()
    error, spread = float((off**2).mean()), float((centred**2).mean())
    if not spread:
        return Form(float(error == 0), np.zeros(len(off)), "explained", sizes=centred**2)
    ratio = error / spread
    influence = (ratio * (centred**2 - spread) - (off**2 - error)) / spread
    return Form(1 - ratio, influence, "explained", classes=off**2, sizes=centred**2)
