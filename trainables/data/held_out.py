"""Cut a test part from data that has none.

The cut depends on the content of the rows, not on a seed: the same rows are the test part after the
file was sorted, copied or slightly extended, equal rows fall on the same side, and the draw cannot be
repeated.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from trainables.data.content import Content

Rows = NDArray[np.int64]


def carve(content: Content, fraction: float) -> tuple[Content, Content]:
    """Cut off a test part.

    With times it is the latest rows, with groups whole groups, with classes the same share of
    each, otherwise a share of all rows.

    Args:
        content: The whole data set.
        fraction: Share of the rows in the test part, above 0 and below 1.

    Returns:
        The development part, which keeps the warnings, and the test part, both in their original
        order.

    Raises:
        UserError: If either part would be empty.
    """
    labels = content.targets if content.info.task == "classification" else None
    mask = chosen(content.digests(), fraction, labels=labels, groups=content.groups, times=content.times)
    content = replace(content, positions=np.arange(len(content)))
    development = replace(content.take(np.flatnonzero(~mask)), warnings=content.warnings)
    return development, content.take(np.flatnonzero(mask))


def chosen(
    digests: NDArray[np.uint64],
    fraction: float,
    *,
    labels: NDArray[np.int64] | None = None,
    groups: NDArray[Any] | None = None,
    times: NDArray[np.float64] | None = None,
) -> NDArray[np.bool_]:
    """Return which rows are the test part, by the first of times, groups and labels that is given.

    Args:
        digests: Digests of the rows' content, [n, 2].
        fraction: Share of the rows.
        labels: Classes; the share is taken of each.
        groups: Groups, which stay together.
        times: Times; the latest rows are taken.

    Raises:
        UserError: If either part would be empty.
    """
    mask = np.zeros(len(digests), dtype=bool)
    if times is not None:
        mask = _latest(times, fraction)
    elif groups is not None:
        mask = _whole_groups(groups, fraction)
    else:
        ranks = digests[:, 1]  # half of a digest: a number that depends on the content alone
        for label in [None] if labels is None else np.unique(labels):
            members = np.arange(len(digests)) if labels is None else np.flatnonzero(labels == label)
            mask[members] = _first(ranks[members], fraction)
    if mask.all() or not mask.any():
        raise UserError(
            f"data: a test share of {fraction:g} of {len(digests)} rows leaves one of the two parts empty"
        )
    return mask


def _first(ranks: NDArray[np.uint64], fraction: float) -> NDArray[np.bool_]:
    """Select the share of rows with the lowest ranks, with every row equal to the last of them."""
    count = round(fraction * len(ranks))
    if count == 0:
        return np.zeros(len(ranks), dtype=bool)
    last = np.partition(ranks, count - 1)[count - 1]
    return np.asarray(ranks <= last)


def _latest(times: NDArray[np.float64], fraction: float) -> NDArray[np.bool_]:
    """Select the latest rows; rows with the same time stay together."""
    count = max(1, round(fraction * len(times)))
    earliest = np.partition(times, len(times) - count)[len(times) - count]
    return np.asarray(times >= earliest)


def _whole_groups(groups: NDArray[np.generic], fraction: float) -> NDArray[np.bool_]:
    """Select groups in the order of their names' digests until the share is approximated best."""
    names, member, counts = np.unique(groups, return_inverse=True, return_counts=True)
    keys = [hashlib.blake2b(str(name).encode(), digest_size=16).digest() for name in names]
    order = np.array(sorted(range(len(names)), key=keys.__getitem__))
    reached = np.cumsum(counts[order])
    take = int(np.argmin(np.abs(reached - fraction * len(groups)))) + 1
    return np.isin(member, order[: min(take, len(names) - 1)])
