"""Differences between the development and the test part of a table: columns, targets and times.

Only the custodian can compare them; names and statistics leave it, never a row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.data.table_copies import column_names
from trainables.data.content import Content

LEAST = 0.1
"""Least difference that is reported, however many rows there are."""
ALPHA = 0.001
"""Probability that any column of two random parts of the same rows is reported."""
TARGET = "the target"


def shifted_columns(inputs: NDArray[np.float32], targets: NDArray[Any], test: Content) -> dict[str, float]:
    """Return columns that are distributed differently in the test part.

    Args:
        inputs: float32 [n, columns] of the development part.
        targets: Labels or values of the development part, [n].
        test: The test part, a table.

    Returns:
        For each such column, and the target, the greatest difference between the shares of the two parts
        at or below any value (Kolmogorov and Smirnov), or between their shares of missing values.
    """
    names = column_names(test.info)
    differences = {
        name: difference(inputs[:, index], test.inputs[:, index]) for index, name in enumerate(names)
    }
    if targets.ndim == 1 and test.info.task != "other":
        differences[TARGET] = difference(targets, test.targets)
    rows = len(inputs) * len(test) / (len(inputs) + len(test))
    limit = max(LEAST, float(np.sqrt(np.log(2 * len(differences) / ALPHA) / (2 * rows))))
    return {name: share for name, share in differences.items() if share > limit}


def difference(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """Return the greatest difference between the distributions of two samples, from 0 to 1."""
    missing = np.isnan(ours), np.isnan(theirs)
    share = abs(float(missing[0].mean() - missing[1].mean()))
    one, other = np.sort(ours[~missing[0]]), np.sort(theirs[~missing[1]])
    if not len(one) or not len(other):
        return share
    both = np.concatenate([one, other])
    order = np.argsort(both, kind="stable")  # merges two sorted halves
    last = np.append(both[order][1:] != both[order][:-1], True)
    below = np.cumsum(order < len(one))[last]
    rest = np.flatnonzero(last) + 1 - below
    return max(share, float(np.abs(below / len(one) - rest / len(other)).max()))


def early_rows(times: NDArray[np.float64] | None, test: Content) -> int:
    """Return the number of test rows that are earlier than the latest development row."""
    if times is None or test.times is None:
        return 0
    return int((test.times < times.max()).sum())
