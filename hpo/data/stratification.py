"""Assign rows to the parts of a split: at random, by class, by group or by time.

Every function returns the part of each row, int64 [n] in 0 .. parts - 1, fills every part or raises
`UserError`, and depends only on its arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from hpo.core.formatting import count

Parts = NDArray[np.int64]


def quotas(n: int, shares: Sequence[float]) -> NDArray[np.int64]:
    """Return how many of n rows each part gets: largest remainders, ties to the first, at least one each.

    Args:
        n: Number of rows, at least as many as there are parts.
        shares: Share of each part; they sum to 1.
    """
    exact = np.round(np.asarray(shares) * n, 9)
    counts = np.floor(exact).astype(np.int64)
    counts[np.argsort(counts - exact, kind="stable")[: n - counts.sum()]] += 1
    return _filled(counts)


def class_quotas(sizes: NDArray[np.int64], shares: Sequence[float]) -> NDArray[np.int64]:
    """Return how many rows of each class each part gets, [classes, parts].

    Each number is its exact share rounded up or down (and at least one). They are rounded
    together, as in controlled rounding, so that the totals of the parts are right as well.
    """
    exact = np.round(np.outer(sizes, shares), 9)
    counts = np.floor(exact).astype(np.int64)
    remainders, odd = exact - counts, sizes - counts.sum(axis=1)
    need = quotas(int(sizes.sum()), shares) - counts.sum(axis=0)
    for label in np.argsort(-odd, kind="stable"):  # the most constrained first
        order = np.lexsort((-remainders[label], -need, remainders[label] == 0))[: odd[label]]
        counts[label, order] += 1
        need[order] -= 1
    return np.stack([_filled(row) for row in counts])


def _filled(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    while counts.min() == 0:
        counts[counts.argmin()] += 1
        counts[counts.argmax()] -= 1
    return counts


def evenly(n: int, shares: Sequence[float], seed: int) -> Parts:
    """Assign rows at random."""
    if n < len(shares):
        raise UserError(f"data: {n} examples cannot fill {len(shares)} parts")
    return _assigned(np.random.default_rng(seed).permutation(n), quotas(n, shares), n)


def by_class(labels: NDArray[Any], classes: tuple[str, ...], shares: Sequence[float], seed: int) -> Parts:
    """Assign the rows of each class at random, each part's share exact to within one row of a class.

    Raises:
        UserError: If a class has fewer examples than there are parts.
    """
    present, sizes = np.unique(labels, return_counts=True)
    for label, size in zip(present, sizes, strict=True):
        if size < len(shares):
            name = classes[label] if label < len(classes) else str(label)
            raise UserError(
                f"data: class {name!r} has {size} example{'s' if size > 1 else ''}, too few for "
                f"{len(shares)} parts; add examples, leave the class out, ask for fewer parts, or set "
                "`stratified: false`"
            )
    random = np.random.default_rng(seed)
    parts = np.zeros(len(labels), dtype=np.int64)
    for label, counts in zip(present, class_quotas(sizes, shares), strict=True):
        members = random.permutation(np.flatnonzero(labels == label))
        parts[members] = np.repeat(np.arange(len(shares)), counts)
    return parts


def by_group(groups: NDArray[Any], labels: NDArray[Any] | None, shares: Sequence[float], seed: int) -> Parts:
    """Assign whole groups, the largest first, each to the part that most needs its rows.

    With labels, the shares of each class are balanced as far as whole groups allow.

    Raises:
        UserError: If there are fewer groups than parts, or a part stays empty.
    """
    names, member = np.unique(groups, return_inverse=True)
    if len(names) < len(shares):
        raise UserError(f"data: {count(len(names), 'group')} cannot be divided into {len(shares)} parts")
    kinds = (
        np.zeros(len(groups), dtype=np.int64) if labels is None else np.unique(labels, return_inverse=True)[1]
    )
    counts = np.zeros((len(names), kinds.max() + 1))
    np.add.at(counts, (member, kinds), 1)
    lacking = np.outer(shares, counts.sum(axis=0))
    scale = np.maximum(counts.sum(axis=0), 1)
    random = np.random.default_rng(seed).permutation(len(names))
    part_of = np.zeros(len(names), dtype=np.int64)
    for group in sorted(random, key=lambda index: -counts[index].sum()):
        change = ((lacking - counts[group]) ** 2 - lacking**2) / scale
        part_of[group] = np.argmin(change.sum(axis=1))
        lacking[part_of[group]] -= counts[group]
    parts = part_of[member]
    empty = np.setdiff1d(np.arange(len(shares)), parts)
    if len(empty):
        largest = int(counts.sum(axis=1).max())
        raise UserError(
            f"data: the groups cannot be divided: the largest has {largest} of {len(groups)} rows, and "
            f"a part of {min(shares):.0%} stays empty; ask for larger parts"
        )
    return parts


def by_time(times: NDArray[np.float64], shares: Sequence[float]) -> Parts:
    """Assign blocks of time, part 0 being the earliest; rows with the same time stay together.

    Raises:
        UserError: If equal times leave a part empty.
    """
    ordered = np.sort(times)
    parts = np.zeros(len(times), dtype=np.int64)
    for share in np.cumsum(shares)[:-1]:
        cut = min(max(1, round(share * len(times))), len(times) - 1)
        parts += times >= ordered[cut]
    missing = np.setdiff1d(np.arange(len(shares)), parts)
    if len(missing):
        raise UserError(
            f"data: {len(np.unique(times))} distinct times of {len(times)} rows cannot be cut into "
            f"{len(shares)} parts, each later than the one before; ask for larger parts"
        )
    return parts


def with_equal_rows(parts: Parts, numbers: NDArray[np.int64]) -> Parts:
    """Give all rows with equal inputs the part of the first of them; nothing moves if that empties a part.

    Args:
        parts: Part of each row, [n].
        numbers: Number that only rows with equal inputs share, [n].
    """
    _, first, same = np.unique(numbers, return_index=True, return_inverse=True)
    moved = parts[first[same]]
    return moved if len(np.unique(moved)) == len(np.unique(parts)) else parts


def _assigned(order: NDArray[np.int64], counts: NDArray[np.int64], n: int) -> Parts:
    parts = np.zeros(n, dtype=np.int64)
    parts[order] = np.repeat(np.arange(len(counts)), counts)
    return parts
