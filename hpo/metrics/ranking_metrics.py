"""Forms of the metrics of an order: area under the ROC curve and average precision.

DeLong, DeLong & Clarke-Pearson, "Comparing the areas under two or more correlated receiver operating
characteristic curves", Biometrics 1988. Boyd, Eng & Page, "Area under the precision-recall curve:
point estimates and confidence intervals", ECML 2013.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hpo.metrics.forms import Form, Values

LABELS = 20
"""Classes up to which each is ranked against the rest."""


def candidates(outputs: NDArray[Any], targets: NDArray[Any]) -> Iterator[Form]:
    """Yield ROC AUC and average precision, of the second of two classes or averaged over each."""
    classes = np.unique(targets)
    if not 2 <= len(classes) <= LABELS or (outputs.ndim == 2 and outputs.shape[1] <= classes.max()):
        return
    if len(classes) == 2 and classes.max() == 1:
        margin = outputs.astype(np.float64) if outputs.ndim == 1 else _margin(outputs.astype(np.float64))
        yield roc_auc(margin, targets == 1)
        yield average_precision(margin, targets == 1)
        yield average_precision(-margin, targets == 0)
    if outputs.ndim == 2:
        shares = _shares(outputs.astype(np.float64))
        yield over_classes([roc_auc(shares[:, c], targets == c) for c in classes], "ranking")
        yield over_classes([average_precision(shares[:, c], targets == c) for c in classes], "precision")


def _margin(outputs: Values) -> Values:
    return outputs[:, 1] - outputs[:, 0]


def _shares(outputs: Values) -> Values:
    if outputs.min() >= 0 and np.allclose(outputs.sum(1), 1, atol=1e-4):
        return outputs
    powers = np.exp(outputs - outputs.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True), np.float64)


def over_classes(forms: list[Form], each: Literal["ranking", "precision"]) -> Form:
    """Return the mean over classes of one-against-the-rest metrics."""
    parts = np.array([form.influence for form in forms])
    values = np.array([form.value for form in forms])
    sizes = np.array([form.sizes.min() for form in forms])
    return Form(float(values.mean()), parts.mean(0), "classes", values, parts, sizes, each)


def roc_auc(margin: Values, positive: NDArray[np.bool_]) -> Form:
    """Return the probability that a positive row is ranked above a negative one; ties count half."""
    positives, negatives = margin[positive], margin[~positive]
    n, m = len(positives), len(negatives)
    above = _share_below(positives, negatives)
    below = 1 - _share_below(negatives, positives)
    value, influence = float(above.mean()), np.empty(len(margin))
    influence[positive] = (above - value) * len(margin) / n
    influence[~positive] = (below - value) * len(margin) / m
    return Form(value, influence, "ranking", sizes=np.array([n, m], np.float64))


def _share_below(values: Values, others: Values) -> Values:
    """Return the share of others below each value, ties counting half."""
    order = np.sort(others)
    left, right = np.searchsorted(order, values, "left"), np.searchsorted(order, values, "right")
    return np.asarray((left + right) / (2 * len(order)), np.float64)


def average_precision(margin: Values, positive: NDArray[np.bool_]) -> Form:
    """Return the mean over positive rows of the precision at their margin."""
    order = np.argsort(-margin, kind="stable")
    last = np.r_[np.flatnonzero(np.diff(margin[order])), len(margin) - 1]
    hits, ranks = np.cumsum(positive[order])[last].astype(np.float64), last + 1.0
    gained = np.diff(hits, prepend=0.0)
    n, total = len(margin), float(positive.sum())
    precision = hits / ranks
    value = float((gained * precision).sum() / total)
    # A row at rank r changes the precision of all positives at r or below.
    level = np.searchsorted(last, np.arange(n), "left")
    weight_hit = np.cumsum((gained / ranks)[::-1])[::-1][level]
    weight_all = np.cumsum((gained * hits / ranks**2)[::-1])[::-1][level]
    is_hit = positive[order].astype(np.float64)
    moved = (is_hit * (precision[level] - value) + is_hit * weight_hit - weight_all) * n / total
    influence = np.empty(n)
    influence[order] = moved
    return Form(value, influence - influence.mean(), "precision", sizes=np.array([total, n - total]))
