"""Scores by class and by group, and the calibration slope, of a model's answers on one part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.strata import Strata, Stratum, StratumRange
from hpo.core.trainable import Examples
from hpo.metrics.assessment import Assessment
from hpo.metrics.labels import labels_of

SHARE_RIGHT, MEAN_ERROR = "share right", "mean absolute error"
STEPS = 50
STEEP = 1e3
"""Slopes beyond which two classes are separated, so that no finite slope fits them."""


def strata_of(assessment: Assessment, examples: Examples) -> Strata:
    """Return how a model did by class and by group; empty where its answers are unknown.

    Args:
        assessment: Its outputs on the rows of the part.
        examples: The part.
    """
    if assessment.outputs is None or examples.info.task == "other":
        return Strata()
    outputs, targets = np.asarray(assessment.outputs), np.asarray(assessment.targets)
    classes = examples.info.task == "classification"
    labels = labels_of(outputs) if classes else None
    if labels is None and (classes or outputs.shape != targets.shape):
        return Strata()
    rows = np.abs(outputs - targets) if labels is None else (labels == targets).astype(np.float64)
    metric, spreads = MEAN_ERROR if labels is None else SHARE_RIGHT, []
    if labels is not None:
        spreads.append(_spread("class", metric, rows, targets, examples.info.classes))
    if examples.groups is not None:
        spreads.append(_spread("group", metric, rows, examples.groups[examples.rows], ()))
    slope, error = _slope(outputs, targets) if labels is not None else (None, None)
    threshold = "" if labels is None or outputs.ndim != 2 else "the class with the largest output"
    return Strata(tuple(spread for spread in spreads if spread), threshold, slope, error)


def constant_class(assessment: Assessment, classes: Sequence[str]) -> str:
    """Return the class that a model answers for every row; empty if it answers several."""
    if assessment.outputs is None or not classes:
        return ""
    labels = labels_of(np.asarray(assessment.outputs))
    if labels is None or not len(labels) or np.ptp(labels) or not 0 <= labels[0] < len(classes):
        return ""
    return str(classes[labels[0]])


def _spread(
    of: str, metric: str, rows: NDArray[np.float64], codes: NDArray[Any], names: Sequence[str]
) -> StratumRange | None:
    keys, at = np.unique(codes, return_inverse=True)
    if len(keys) < 2:
        return None
    counts = np.bincount(at)
    values = np.bincount(at, rows) / counts
    order = np.argsort(values if metric == SHARE_RIGHT else -values, kind="stable")

    def stratum(row: int) -> Stratum:
        name = names[int(keys[row])] if names else str(keys[row])
        return Stratum(name, int(counts[row]), float(values[row]))

    return StratumRange(
        of, metric, len(keys), float(np.median(values)), stratum(order[0]), stratum(order[-1])
    )


def _slope(outputs: NDArray[Any], targets: NDArray[Any]) -> tuple[float | None, float | None]:
    """Return the slope of a logistic regression of two classes on their log-odds, and its standard error."""
    if outputs.ndim != 2 or outputs.shape[1] != 2 or len(np.unique(targets)) < 2:
        return None, None
    odds = (outputs[:, 1] - outputs[:, 0]).astype(np.float64)
    if not np.isfinite(odds).all() or not odds.std() > 0:
        return None, None
    design, weights = np.stack([np.ones(len(odds)), odds], 1), np.zeros(2)
    information = np.eye(2)
    for _ in range(STEPS):
        share = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
        information = (design * (share * (1 - share))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(information, design.T @ (targets - share))
        weights += step
        if np.abs(weights[1]) > STEEP or not np.isfinite(weights).all():
            return None, None
        if np.abs(step).max() < 1e-8:
            return float(weights[1]), float(np.sqrt(np.linalg.inv(information)[1, 1]))
    return None, None
