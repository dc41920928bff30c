"""A forest in NumPy alone, for checks whose whole cost would otherwise be the import of a library.

The trees are extremely randomised (Geurts, Ernst & Wehenkel, "Extremely randomized trees", Machine
Learning 2006): at each node a few columns are tried, each at the value of a random row of the node. All
trees grow at once, level by level, so that the work is a few operations on long arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

TREES, LEAF, LEVELS = 60, 3, 14
"""Trees; fewest rows of a leaf; levels of nodes."""
FEWEST_TRIED = 8
"""Columns tried at a node, or the square root of their number if that is more."""
BETTER = 1e-9


@dataclass(frozen=True, slots=True)
class _Places:
    """Where each row stands in each tree that it has not left: all arrays have one length.

    Attributes:
        rows: Rows.
        fitted: Whether the tree is fitted to the row; the tree answers for the others.
        nodes: Nodes, numbered without gaps over all trees.
    """

    rows: Numbers
    fitted: NDArray[np.bool_]
    nodes: Numbers

    def where(self, kept: NDArray[np.bool_]) -> _Places:
        """Return the places for which ``kept`` is true."""
        return _Places(self.rows[kept], self.fitted[kept], self.nodes[kept])


def unseen_votes(table: NDArray[np.float32], labels: Numbers) -> Floats:
    """Return the shares of classes that trees give to rows which they were not fitted to.

    Each tree is fitted to a random half of the rows.

    Args:
        table: Finite numbers, [n, columns].
        labels: Classes from 0, [n].

    Returns:
        Float64 [n, classes]; a row of zeros for a row that every tree was fitted to.
    """
    random, n, classes = np.random.default_rng(0), len(table), int(labels.max()) + 1
    places = _Places(
        np.tile(np.arange(n), TREES),
        np.concatenate([random.permutation(n) < n // 2 for _ in range(TREES)]),
        np.repeat(np.arange(TREES), n),
    )
    votes = np.zeros((n, classes))
    for level in range(LEVELS):
        counts = _class_counts(places.where(places.fitted), labels, int(places.nodes.max()) + 1, classes)
        columns, limits = _best_splits(table, labels, places, counts, random)
        if level == LEVELS - 1:
            columns[:] = -1
        ended = columns[places.nodes] < 0
        leaving = places.where(ended & ~places.fitted)
        np.add.at(votes, leaving.rows, (counts / counts.sum(axis=1, keepdims=True))[leaving.nodes])
        places = _descended(table, places.where(~ended), columns, limits)
        if not len(places.rows):
            break
    return np.asarray(votes / np.maximum(votes.sum(axis=1, keepdims=True), BETTER))


def _class_counts(places: _Places, labels: Numbers, nodes: int, classes: int) -> Numbers:
    cells = places.nodes * classes + labels[places.rows]
    return np.bincount(cells, minlength=nodes * classes).reshape(nodes, classes)


def _best_splits(
    table: NDArray[np.float32],
    labels: Numbers,
    places: _Places,
    counts: Numbers,
    random: np.random.Generator,
) -> tuple[Numbers, NDArray[np.float32]]:
    """Return the column of the best split of each node and its limit; column -1 where no split is better.

    The best split leaves the least Gini impurity.
    """
    fitted = places.where(places.fitted)
    nodes, classes = counts.shape
    sizes: Numbers = counts.sum(axis=1)
    ordered = fitted.rows[np.argsort(fitted.nodes, kind="stable")]
    starts = np.cumsum(sizes) - sizes
    best: NDArray[Any] = (counts**2).sum(axis=1) / sizes + BETTER
    columns, limits = np.full(nodes, -1), np.zeros(nodes, np.float32)
    for _ in range(max(FEWEST_TRIED, int(np.ceil(table.shape[1] ** 0.5)))):
        column = random.integers(0, table.shape[1], size=(nodes,))
        limit = table[ordered[starts + (random.random(nodes) * sizes).astype(np.int64)], column]
        lower = table[fitted.rows, column[fitted.nodes]] <= limit[fitted.nodes]
        left = _class_counts(fitted.where(lower), labels, nodes, classes)
        size = left.sum(axis=1)
        able = (size >= LEAF) & (sizes - size >= LEAF)
        with np.errstate(divide="ignore", invalid="ignore"):
            purity = (left**2).sum(axis=1) / size + ((counts - left) ** 2).sum(axis=1) / (sizes - size)
        better = able & (purity > best)
        best = np.where(better, purity, best)
        columns, limits = np.where(better, column, columns), np.where(better, limit, limits)
    return columns, limits


def _descended(
    table: NDArray[np.float32], places: _Places, columns: Numbers, limits: NDArray[np.float32]
) -> _Places:
    """Return the places one level lower."""
    lower = table[places.rows, columns[places.nodes]] <= limits[places.nodes]
    children = 2 * places.nodes + lower
    present = np.zeros(2 * len(columns), np.int64)
    present[children] = 1
    return _Places(places.rows, places.fitted, (np.cumsum(present) - 1)[children])
