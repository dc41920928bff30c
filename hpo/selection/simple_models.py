"""Simple models to compare the winner with: always one answer, a linear model, trees or the nearest row.

They are scikit-learn's, with fixed settings: nothing about them is searched, so their scores carry no
luck of selection. Large data is sampled, so that a search ends within seconds of when it would without.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from hpo.core.trainable import DataInfo, Examples

Matrix = NDArray[np.float32]
Outputs = NDArray[np.float64]

MAJORITY, MEAN = "majority class", "mean"
LINEAR, TREES, NEAREST = "linear model", "boosted trees", "nearest row"
ROWS = 20_000
"""Training rows beyond which a random sample of this size is fitted."""
WORK = 30_000_000
"""Rows times columns times classes up to which a linear model is fitted to all of the rows."""
DISTANCES = 20_000_000_000
"""Rows times rows times columns up to which the nearest row is looked for among all training rows."""
WIDEST = 2_048
"""Columns of the encoded rows beyond which only the first baseline is made."""
BLOCK_BYTES = 64 << 20
"""Bytes of rows that are encoded at once."""
SIDE = 16
"""Pixels a side to which images are averaged."""
FEW_CATEGORIES = 50
"""Categories up to which a column is encoded by one column each."""
MANY_CLASSES = 30
"""Classes from which boosted trees take too long."""
GROWN = 50
"""Trees of a regression or of two classes; further classes share twice as many."""
THREADS = 1
"""Of each fit: threads that wait for each other take minutes on a busy machine."""
LEAST = 1e-9
"""Least probability of a class, so that no loss is infinite."""


@dataclass(frozen=True)
class Baseline:
    """What a simple model answers.

    Attributes:
        name: Such as ``linear model``.
        outputs: Log-probabilities [n, classes], or values [n].
        trained: Number of rows it was fitted to.
    """

    name: str
    outputs: Outputs
    trained: int


class RowEncoding:
    """Rows as numbers: images averaged to few pixels, categories as columns, gaps filled.

    Everything in it is fitted to the training rows alone.
    """

    def __init__(self, train: Examples):
        self._info = train.info
        self._categories = _categories(train.info)
        plain = self._numbers(train)
        with warnings.catch_warnings():  # a column without a value has no median
            warnings.simplefilter("ignore", RuntimeWarning)
            self._middle = np.nan_to_num(np.nanmedian(plain, 0))
        filled = np.where(np.isfinite(plain), plain, self._middle)
        self._mean, scale = filled.mean(0), filled.std(0)
        self._scale = np.where(scale > 0, scale, 1.0)

    def __call__(self, examples: Examples) -> Matrix:
        """Return the rows of a part, standardized, [n, columns]."""
        plain = self._numbers(examples)
        filled = (np.where(np.isfinite(plain), plain, self._middle) - self._mean) / self._scale
        codes = [
            np.asarray(examples.inputs[examples.rows, column, None] == np.arange(count), np.float32)
            for column, count in self._categories.items()
        ]
        return np.concatenate([np.clip(filled, -20, 20), *codes], 1).astype(np.float32)

    def _numbers(self, examples: Examples) -> NDArray[np.float64]:
        step = max(1, BLOCK_BYTES // max(1, examples.inputs[:1].nbytes))
        blocks = [
            self._flat(examples.inputs[examples.rows[start : start + step]])
            for start in range(0, max(1, len(examples)), step)
        ]
        return np.concatenate(blocks)

    def _flat(self, rows: NDArray[Any]) -> NDArray[np.float64]:
        if self._info.kind == "image":
            rows = _averaged(rows)
        flat = np.asarray(rows, np.float64).reshape(len(rows), -1)
        return np.delete(flat, list(self._categories), 1) if self._categories else flat


def _categories(info: DataInfo) -> dict[int, int]:
    """Return the columns that hold codes of few categories, with the number of these."""
    return {
        column: len(info.categories[name])
        for column, name in enumerate(info.columns)
        if name in info.categories and len(info.categories[name]) <= FEW_CATEGORIES
    }


def _averaged(images: NDArray[Any]) -> NDArray[Any]:
    """Return images [n, height, width, channels] averaged to at most 16 pixels a side."""
    for axis in (1, 2):
        size = images.shape[axis]
        if size > SIDE:
            starts = np.linspace(0, size, SIDE + 1).astype(int)[:-1]
            counts = np.diff([*starts, size]).reshape([-1 if n == axis else 1 for n in range(images.ndim)])
            images = np.add.reduceat(images, starts, axis, np.float32) / counts.astype(np.float32)
    return images


def baselines_of(train: Examples, scored: Examples, seed: int) -> Iterator[Baseline]:
    """Fit baselines to training rows, and yield what each answers on other rows, the simplest first.

    Args:
        train: Training rows of a classification or regression.
        scored: The other rows.
        seed: Of the samples that are drawn of large data.
    """
    classes, width = len(train.info.classes), encoded_width(train.info)
    targets = np.asarray(train.targets[train.rows])
    yield Baseline(MAJORITY if classes else MEAN, _constant(targets, classes, len(scored)), len(targets))
    if width > WIDEST or len(targets) < 2 or (classes and len(np.unique(targets)) < 2):
        return
    order = np.random.default_rng(seed).permutation(len(targets))[:ROWS]
    sample = Examples(train.inputs, train.targets, train.rows[order], train.info)
    encoding, answers = RowEncoding(sample), targets[order]
    rows, unseen = encoding(sample), encoding(scored)
    few = max(100, WORK // (width * max(classes, 1)))
    yield Baseline(LINEAR, _linear(rows[:few], answers[:few], unseen, classes), len(rows[:few]))
    if train.info.kind == "table" and classes <= MANY_CLASSES:
        yield Baseline(TREES, _trees(rows, answers, unseen, classes), len(rows))
    else:
        near = max(100, DISTANCES // (width * max(len(scored), 1)))
        yield Baseline(NEAREST, _nearest(rows[:near], answers[:near], unseen, classes), len(rows[:near]))


def encoded_width(info: DataInfo) -> int:
    """Return the number of columns of encoded rows."""
    if info.kind == "image":
        height, width, channels = info.shape
        return min(height, SIDE) * min(width, SIDE) * channels
    categories = _categories(info)
    return int(np.prod(info.shape)) - len(categories) + sum(categories.values())


def _constant(targets: NDArray[Any], classes: int, n: int) -> Outputs:
    """Answer every row with the shares of the classes, or with the mean."""
    if not classes:
        return np.full(n, float(np.mean(targets, dtype=np.float64)))
    shares = np.bincount(targets, minlength=classes) / len(targets)
    return np.tile(np.log(np.maximum(shares, LEAST)), (n, 1))


def _linear(rows: Matrix, targets: NDArray[Any], unseen: Matrix, classes: int) -> Outputs:
    from sklearn.linear_model import LogisticRegression, Ridge

    if not classes:
        return _values(Ridge(alpha=1.0), rows, targets, unseen)
    return _logs(LogisticRegression(C=1.0, max_iter=60), rows, targets, unseen, classes)


def _trees(rows: Matrix, targets: NDArray[Any], unseen: Matrix, classes: int) -> Outputs:
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    grown = GROWN if classes <= 2 else max(10, 2 * GROWN // classes)
    settings = {"max_iter": grown, "early_stopping": False, "random_state": 0}
    if not classes:
        return _values(HistGradientBoostingRegressor(**settings), rows, targets, unseen)
    return _logs(HistGradientBoostingClassifier(**settings), rows, targets, unseen, classes)


def _nearest(rows: Matrix, targets: NDArray[Any], unseen: Matrix, classes: int) -> Outputs:
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    if not classes:
        return _values(KNeighborsRegressor(1, algorithm="brute"), rows, targets, unseen)
    return _logs(KNeighborsClassifier(1, algorithm="brute"), rows, targets, unseen, classes)


def _values(model: Any, rows: Matrix, targets: NDArray[Any], unseen: Matrix) -> Outputs:
    """Return the predictions of a regression that is fitted to standardized targets."""
    mean, scale = float(np.mean(targets, dtype=np.float64)), float(np.std(targets, dtype=np.float64)) or 1.0
    with threadpool_limits(THREADS):
        model.fit(rows, (np.asarray(targets, np.float64) - mean) / scale)
        return np.asarray(model.predict(unseen), np.float64) * scale + mean


def _logs(model: Any, rows: Matrix, targets: NDArray[Any], unseen: Matrix, classes: int) -> Outputs:
    """Return the log-probabilities of all classes, also of those without a training row."""
    shares = np.full((len(unseen), classes), LEAST)
    with warnings.catch_warnings(), threadpool_limits(THREADS):
        warnings.simplefilter("ignore")  # a solver that has not converged is a baseline all the same
        model.fit(rows, targets)
        shares[:, model.classes_] = np.maximum(model.predict_proba(unseen), LEAST)
    return np.asarray(np.log(shares), np.float64)
