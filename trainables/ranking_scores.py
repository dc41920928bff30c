"""Scores of an order and of probabilities: ROC AUC, average precision, and the calibration error.

Each is that of the second of two classes, or the mean over the classes against the rest. A score that
is undefined on some rows, since they are all of one class, is left out.

Naeini, Cooper & Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning", AAAI
2015 (calibration error; here of equally full bins).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_CLASSES = 20
"""Ranking each of more classes would cost more than an epoch of a small network."""
BINS = 10


def ranking(outputs: NDArray[np.floating], targets: NDArray[np.integer]) -> dict[str, float]:
    """Return ``roc_auc`` and ``average_precision`` of logits [n, classes]; nothing if undefined.

    Args:
        outputs: Logits [n, classes].
        targets: Labels [n].
    """
    occurring = np.unique(targets)
    if not 2 <= len(occurring) <= MOST_CLASSES:
        return {}
    logits = outputs.astype(np.float64)
    if outputs.shape[1] == 2:
        margins = [(logits[:, 1] - logits[:, 0], targets == 1)]
    else:
        shares = np.exp(logits - logits.max(1, keepdims=True))
        shares /= shares.sum(1, keepdims=True)
        margins = [(shares[:, label], targets == label) for label in occurring]
    scored = np.array([_auc_and_precision(margin, positive) for margin, positive in margins])
    auc, precision = scored.mean(0)
    return {"roc_auc": float(auc), "average_precision": float(precision)}


def _auc_and_precision(margin: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Return both of one class; equal margins count half, and are of one rank."""
    order = np.argsort(-margin)  # equal margins are of one rank, so that their order does not matter
    last = np.r_[np.flatnonzero(np.diff(margin[order])), len(margin) - 1]
    hits = np.cumsum(positive[order])[last].astype(np.float64)
    ranks = last + 1.0
    gained, misses = np.diff(hits, prepend=0.0), ranks - hits
    total, negatives = hits[-1], misses[-1]
    before = np.concatenate([[0.0], misses[:-1]])
    below = negatives - (before + misses) / 2
    return float(gained @ below / (total * negatives)), float(gained @ (hits / ranks) / total)


def calibration_error(outputs: NDArray[np.floating], targets: NDArray[np.integer]) -> float:
    """Return how far the probability of the predicted class is from its share of right answers.

    The mean absolute difference over ten bins of equally many rows, ordered by that probability.

    Args:
        outputs: Logits [n, classes].
        targets: Labels [n].
    """
    logits = outputs.astype(np.float64)
    top = logits.max(1)
    confidence = 1 / np.exp(logits - top[:, None]).sum(1)
    right = logits.argmax(1) == targets
    order = np.argsort(confidence, kind="stable")
    gaps = (confidence - right)[order]
    bins = np.array_split(gaps, min(BINS, len(gaps)))
    return float(sum(abs(part.sum()) for part in bins) / len(gaps))
