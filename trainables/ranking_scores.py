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
GREATEST = (1 << 63) - 1
"""The greatest int64."""


def ranking(
    logits: NDArray[np.float64], shares: NDArray[np.float64], targets: NDArray[np.integer]
) -> dict[str, float]:
    """Return ``roc_auc`` and ``average_precision``; nothing if undefined.

    Args:
        logits: Logits [n, classes].
        shares: Their softmax [n, classes].
        targets: Labels [n].
    """
    occurring = np.unique(targets)
    if not 2 <= len(occurring) <= MOST_CLASSES:
        return {}
    if logits.shape[1] == 2:  # the probability of a sure answer is 1, whereas margins still differ
        margins = [(logits[:, 1] - logits[:, 0], targets == 1)]
    else:
        margins = [(shares[:, label].copy(), targets == label) for label in occurring]
    auc, precision = np.mean([_auc_and_precision(*_ordered(*margin)) for margin in margins], 0)
    return {"roc_auc": float(auc), "average_precision": float(precision)}


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return how far the probability of the predicted class is from its share of right answers.

    The mean absolute difference over ten bins of equally many rows, ordered by that probability.

    Args:
        confidence: Probability of the predicted class [n].
        right: Whether that class is the true one [n].
    """
    keys, flags = _ordered(confidence, right)
    bins = np.array_split(keys.view(np.float64) - flags, min(BINS, len(keys)))
    return float(sum(abs(part.sum()) for part in bins) / len(keys))


def _ordered(
    scores: NDArray[np.float64], flags: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return keys of scores [n] from low to high, and the flags [n] that belong to them.

    Whole numbers made of the bits of numbers have the same order, once those of negative ones are
    flipped. With the flag in place of the last bit, plain numbers are sorted, which numpy does several
    times faster than finding their order. The keys of positive scores are their bits.
    """
    bits = scores.view(np.int64)
    keys = bits ^ (bits >> 63 & GREATEST)
    ordered = np.sort(keys & ~1 | flags)
    return ordered & ~1, (ordered & 1).astype(np.bool_)


def _auc_and_precision(keys: NDArray[np.int64], positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Return both of keys from low to high; equal ones count half, and are of one rank."""
    falling = keys[::-1]
    # Of few rows, numpy's diff and r_ take several times as long as these steps.
    last = np.concatenate((np.flatnonzero(falling[1:] != falling[:-1]), (len(keys) - 1,)))
    hits = np.cumsum(positive[::-1])[last].astype(np.float64)
    ranks = last + 1.0
    misses = ranks - hits
    total, negatives = hits[-1], misses[-1]
    gained, below = hits.copy(), misses.copy()
    gained[1:] -= hits[:-1]
    below[1:] += misses[:-1]
    below = negatives - below / 2
    return float(gained @ below / (total * negatives)), float(gained @ (hits / ranks) / total)
