"""The form of the calibration error: how far stated probabilities are from shares of right answers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.metrics.forms import Form

BINS = 10


def candidates(outputs: NDArray[Any], targets: NDArray[Any]) -> Iterator[Form]:
    """Yield the calibration error of logits [n, classes] over equally full bins."""
    if outputs.ndim != 2:
        return
    logits = outputs.astype(np.float64)
    confidence = 1 / np.exp(logits - logits.max(1, keepdims=True)).sum(1)
    gaps = confidence - (logits.argmax(1) == targets)
    order = np.argsort(confidence, kind="stable")
    n, influence, value, luck = len(gaps), np.empty(len(gaps)), 0.0, 0.0
    for rows in np.array_split(order, min(BINS, n)):
        total = float(gaps[rows].sum())
        value += abs(total) / n
        influence[rows] = math.copysign(1.0, total) * gaps[rows]
        luck += math.sqrt(2 / math.pi * len(rows) * float(gaps[rows].var())) / n
    yield Form(value, influence - value, "calibration", sizes=np.array([luck]))
