"""Metrics of unknown computation that are means over rows: each row is scored alone.

A metric counts as such a mean if random halves of the rows average to the whole, for the model's answers and
for others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from hpo.metrics.forms import CLOSE, Form, Score, of_means

ALONE = 20_000
"""Rows up to which an unknown mean is scored row by row."""


def scored_alone(score: Score, outputs: Any, targets: Any, values: Mapping[str, float]) -> dict[str, Form]:
    """Return the forms of means over rows, found by scoring every row alone.

    Args:
        score: Values of all metrics for outputs and targets.
        outputs: Array [n, ...] of a model's outputs.
        targets: Array [n].
        values: Those of the metrics whose form is unknown.
    """
    n = len(targets)
    if n > ALONE or n < 2:
        return {}
    means = [name for name in values if _is_mean(score, outputs, targets, name, values[name])]
    if not means:
        return {}
    rows = np.full((len(means), n), np.nan)
    try:
        for row in range(n):
            alone = score(outputs[row : row + 1], targets[row : row + 1])
            rows[:, row] = [alone[name] for name in means]
    except Exception:  # a user's score may not take a single row
        return {}
    forms_by_name = {
        name: of_means(scores) for name, scores in zip(means, rows, strict=True) if np.isfinite(scores).all()
    }
    return {
        n: f
        for n, f in forms_by_name.items()
        if math.isclose(f.value, values[n], rel_tol=CLOSE, abs_tol=1e-9)
    }


def _is_mean(score: Score, outputs: Any, targets: Any, name: str, value: float) -> bool:
    """Return whether a metric of two halves averages to that of the whole, for three random halves.

    It must also do so for other answers: a metric that is 0 or 1 for all rows is so for any half of them.
    """
    rng, n = np.random.default_rng(0), len(targets)
    if not _halves_agree(score, outputs, targets, name, value, rng):
        return False
    others, shuffled = _other_answers(outputs, targets, rng), targets[rng.permutation(n)]
    try:
        other = float(score(others, shuffled)[name])
    except Exception:  # a user's score may take no other answers
        return True
    return not math.isfinite(other) or _halves_agree(score, others, shuffled, name, other, rng)


def _other_answers(outputs: Any, targets: Any, rng: np.random.Generator) -> Any:
    """Return other outputs in every other row: columns in reverse order, or targets of other rows."""
    others, rows = outputs.copy(), np.arange(len(outputs)) % 2 == 0
    others[rows] = outputs[rows][..., ::-1] if outputs.ndim > 1 else rng.permutation(targets)[rows]
    return others


def _halves_agree(
    score: Score, outputs: Any, targets: Any, name: str, value: float, rng: np.random.Generator
) -> bool:
    n = len(targets)
    for _ in range(3):
        halves = np.array_split(rng.permutation(n), 2)
        try:
            parts = [float(score(outputs[half], targets[half])[name]) for half in halves]
        except Exception:
            return False
        mean = sum(len(half) * part for half, part in zip(halves, parts, strict=True)) / n
        if not math.isclose(mean, value, rel_tol=CLOSE, abs_tol=1e-9):
            return False
    return True
