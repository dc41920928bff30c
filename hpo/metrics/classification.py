"""Forms of the metrics of labels: accuracy, and means over classes of recall, precision and F1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hpo.metrics.forms import Form, Values, of_means

Labels = NDArray[np.integer[Any]]


def candidates(outputs: NDArray[Any], targets: Labels) -> Iterator[Form]:
    """Yield the known metrics of class scores [n, classes] or labels [n], likeliest first."""
    labels = outputs.argmax(1) if outputs.ndim == 2 else outputs
    if labels.ndim != 1 or (labels != np.floor(labels)).any() or labels.min() < 0:
        return
    predicted = labels.astype(np.int64)
    right = (predicted == targets).astype(np.float64)
    yield of_means(right)
    yield of_means(1 - right)
    if outputs.ndim == 2 and targets.max() < outputs.shape[1]:
        yield from _losses(outputs.astype(np.float64), targets)
    yield macro_recall(predicted, targets, absent=True)
    yield macro_recall(predicted, targets)
    yield macro_precision(predicted, targets)
    yield macro_f1(predicted, targets)
    if targets.max() == 1 and predicted.max() <= 1:
        single = [form for label in (1, 0) for form in _of_one_class(predicted == label, targets == label)]
        yield from sorted(single, key=lambda form: float(form.sizes[0]))  # of equal values the least sure


def _of_one_class(chosen: NDArray[np.bool_], truth: NDArray[np.bool_]) -> Iterator[Form]:
    """Yield F1, recall and precision of one of two classes; 0 without a row."""
    given, have = (np.asarray(rows[None], np.float64) for rows in (chosen, truth))
    yield _f1(have, given)
    yield _ratios(have * given, have)
    yield replace(_ratios(have * given, given), each="precision")


def _losses(outputs: Values, targets: Labels) -> Iterator[Form]:
    """Yield cross-entropy, for logits and for probabilities, and the Brier score of two classes."""
    rows = np.arange(len(targets))
    top = outputs.max(1, keepdims=True)
    logs = top[:, 0] + np.log(np.exp(outputs - top).sum(1)) - outputs[rows, targets]
    yield of_means(np.maximum(logs, 0.0), share=False)
    shares = np.exp(outputs - top)
    shares /= shares.sum(1, keepdims=True)
    if outputs.min() >= 0 and np.allclose(outputs.sum(1), 1, atol=1e-4):
        shares = outputs
        yield of_means(-np.log(np.clip(outputs[rows, targets], 1e-15, 1.0)), share=False)
    if outputs.shape[1] == 2:
        yield of_means((shares[:, 1] - targets) ** 2, share=False)


def _of_classes(values: Values, parts: Values, sizes: Values, each: Literal["share", "f1"]) -> Form:
    """Return the form of the mean over classes of some values."""
    return Form(float(values.mean()), parts.mean(0), "classes", values, parts, sizes, each)


def _one_hot(labels: Labels, classes: NDArray[Any]) -> Values:
    """Return which row has which label, [classes, n]."""
    return np.asarray(classes[:, None] == labels, np.float64)


def _ratios(hits: Values, among: Values) -> Form:
    """Return the mean over classes of the share of hits among some rows, both [classes, n]."""
    n, sizes = hits.shape[1], among.sum(1)
    shares = hits.sum(1) / np.maximum(sizes, 1)
    parts = n * (hits - shares[:, None] * among) / np.maximum(sizes, 1)[:, None]
    return _of_classes(shares, parts, sizes, "share")


def macro_recall(predicted: Labels, targets: Labels, absent: bool = False) -> Form:
    """Return the mean recall over the classes that occur.

    Args:
        predicted: Labels [n].
        targets: Labels [n].
        absent: Whether a class that is predicted though it does not occur counts as a recall of 0.
    """
    classes = np.unique(np.concatenate([predicted, targets]) if absent else targets)
    truth = _one_hot(targets, classes)
    return _ratios(truth * _one_hot(predicted, classes), truth)


def macro_precision(predicted: Labels, targets: Labels) -> Form:
    """Return the mean precision over the classes that occur; 0 for one that is never predicted."""
    classes = np.unique(np.concatenate([predicted, targets]))
    chosen = _one_hot(predicted, classes)
    return _ratios(chosen * _one_hot(targets, classes), chosen)


def macro_f1(predicted: Labels, targets: Labels) -> Form:
    """Return the mean F1 over the classes that occur.

    F1 is 2 J / (1 + J) of the share J of rows that both have and are given a class among those
    that have it or are given it; ``sizes`` counts these.
    """
    classes = np.unique(np.concatenate([predicted, targets]))
    return _f1(_one_hot(targets, classes), _one_hot(predicted, classes))


def _f1(truth: Values, chosen: Values) -> Form:
    """Return the mean F1 over classes, from which rows have and are given each, both [classes, n]."""
    hits, both = truth * chosen, truth + chosen
    total = np.maximum(both.sum(1), 1)
    values = 2 * hits.sum(1) / total
    parts = truth.shape[1] * (2 * hits - values[:, None] * both) / total[:, None]
    bias = -(parts * both).sum(1) / total / truth.shape[1]  # of a ratio of two sums
    return replace(
        _of_classes(values, parts, np.maximum(truth, chosen).sum(1), "f1"), bias=float(bias.mean())
    )
