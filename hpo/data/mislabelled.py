"""Rows whose label is probably wrong: a quick model that has not seen them is sure of another class.

Confident learning (Northcutt, Jiang & Chuang, "Confident learning: estimating uncertainty in dataset
labels", JAIR 2021) counts the rows of each class that reach the typical confidence of another. Classes that
overlap have such rows, too, but only near their border: wrong labels are as frequent where the model is
surest. Only if they are, rows are named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.quick_forest import unseen_votes

Floats = NDArray[np.float64]

MOST_ROWS, MOST_COLUMNS = 2000, 256
"""Rows and columns that the quick model sees; a random sample of more."""
FEWEST_ROWS, FEWEST = 100, 10
"""Rows, and rows of each class, without which no model is made."""
SUREST = 0.3
"""Share of the rows, those with the greatest confidence, that shows errors that are not of a border."""
AS_OFTEN = 0.5
"""Least share of wrong labels there, of that among all rows."""
USEFUL = 0.4
"""Greatest share of the error of always answering one class at which the model is worth listening to."""
LEAST, LEAST_SHARE = 6, 0.01
"""Wrong labels, and their share, among the surest rows below which nothing is said."""


@dataclass(frozen=True, slots=True)
class Mislabelled:
    """Rows that probably have a wrong label.

    Attributes:
        rows: Their positions, the surest first.
        examined: Number of rows that were looked at.
    """

    rows: NDArray[np.int64]
    examined: int

    @property
    def share(self) -> float:
        """Share of the rows that were looked at."""
        return len(self.rows) / max(1, self.examined)


def mislabelled_rows(inputs: NDArray[Any], labels: NDArray[Any]) -> Mislabelled:
    """Return the rows on whose label a forest disagrees of trees that were not fitted to them.

    Answering for such rows alone is Breiman's "Out-of-bag estimation" (1996).

    Args:
        inputs: Numbers, [n, ...]; NaN where one is missing.
        labels: Labels, [n].
    """
    random = np.random.default_rng(0)
    rows = np.sort(random.permutation(len(labels))[:MOST_ROWS])
    codes, counts = np.unique(labels[rows], return_inverse=True, return_counts=True)[1:]
    kept = counts[codes] >= FEWEST
    rows, codes = rows[kept], np.unique(codes[kept], return_inverse=True)[1]
    if len(rows) < FEWEST_ROWS or codes.max(initial=0) < 1:
        return Mislabelled(np.zeros(0, np.int64), len(rows))
    table = np.asarray(inputs[rows], np.float32).reshape(len(rows), -1)
    columns = np.sort(random.permutation(table.shape[1])[:MOST_COLUMNS])
    table = np.nan_to_num(table[:, columns], nan=-1e30, posinf=1e30, neginf=-1e30)
    suspects = _suspects(unseen_votes(table, codes), codes)
    return Mislabelled(rows[suspects], len(rows))


def _suspects(votes: Floats, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the rows with the typical confidence in another class, if they are not of a border alone."""
    answers, sure = votes.argmax(axis=1), votes.max(axis=1)
    wrong = answers != labels
    second = np.partition(votes, -2, axis=1)[:, -2]
    surest = np.argsort(second - sure, kind="stable")[: int(SUREST * len(labels))]
    among, overall = float(wrong[surest].mean()), float(wrong.mean())
    useful = overall <= USEFUL * float((labels != np.bincount(labels).argmax()).mean())
    if not useful or wrong[surest].sum() < LEAST or among < max(LEAST_SHARE, AS_OFTEN * overall):
        return np.zeros(0, np.int64)
    typical = np.array([votes[labels == label, label].mean() for label in range(votes.shape[1])])
    suspects = np.flatnonzero(wrong & (sure >= typical[answers]))
    return suspects[np.argsort(-sure[suspects], kind="stable")]
