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
        margins = [(shares[:, label], targets == label) for label in occurring]
    auc, precision = np.mean([_auc_and_precision(*margin) for margin in margins], 0)
    return {"roc_auc": float(auc), "average_precision": float(precision)}


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Return how far the probability of the predicted class is from its share of right answers.

    The mean absolute difference over ten bins of equally many rows, ordered by that probability.

    Args:
        confidence: Probability of the predicted class [n].
        right: Whether that class is the true one [n].
    """
    # The bits of positive numbers have their order. With the flag in place of the last one, plain numbers are
    # sorted, which numpy does several times faster than finding their order.
    keys = np.sort(confidence.view(np.int64) & ~1 | right)
    bins = np.array_split((keys & ~1).view(np.float64) - (keys & 1), min(BINS, len(keys)))
    return float(sum(abs(part.sum()) for part in bins) / len(keys))


def _auc_and_precision(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> tuple[float, float]:
    """Return both of scores [n]; equal ones count half, and are of one rank."""
    hits, misses = np.sort(scores[positive]), np.sort(scores[~positive])
    below, up_to = (np.searchsorted(misses, hits, side) for side in ("left", "right"))
    auc = (below + up_to).sum() / (2 * len(hits) * len(misses))
    gained = len(hits) - np.searchsorted(hits, hits)
    return float(auc), float((gained / (gained + len(misses) - below)).mean())
