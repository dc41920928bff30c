"""How a test part is cut from data that has none.

The cut follows the content of the rows and no seed: the same rows are the test part after the file
was sorted, copied or grew a little, equal rows fall on one side, and nobody can draw again.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from trainables.data.content import Content

Rows = NDArray[np.int64]


def carve(content: Content, fraction: float) -> tuple[Content, Content]:
    """Cut a test part off.

    With times it is the latest rows, with groups it is whole groups, with classes it is the same
    share of each, otherwise a share of all rows.

    Args:
        content: The whole data set.
        fraction: Share of the rows that go into the test part, above 0 and below 1.

    Returns:
        The development part, which keeps the warnings, and the test part, both in the order of
        the whole.

    Raises:
        UserError: If either part would be empty.
    """
    chosen = np.zeros(len(content), dtype=bool)
    if content.times is not None:
        chosen = _latest(content.times, fraction)
    elif content.groups is not None:
        chosen = _whole_groups(content.groups, fraction)
    elif content.info.task == "classification":
        places = _places(content.digests())
        for label in range(len(content.info.classes)):
            members = np.flatnonzero(content.targets == label)
            chosen[members] = _first(places[members], fraction)
    else:
        chosen = _first(_places(content.digests()), fraction)
    if chosen.all() or not chosen.any():
        raise UserError(
            f"data: a test part of {fraction:g} of {len(content)} rows leaves one of the two parts empty"
        )
    development = replace(content.take(np.flatnonzero(~chosen)), warnings=content.warnings)
    return development, content.take(np.flatnonzero(chosen))


def _places(digests: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A number per row that follows its content and nothing else: half of its digest."""
    return digests[:, 1]


def _first(places: NDArray[np.uint64], fraction: float) -> NDArray[np.bool_]:
    """The share of rows that come first by place, together with rows equal to the last of them."""
    count = round(fraction * len(places))
    if count == 0:
        return np.zeros(len(places), dtype=bool)
    last = np.partition(places, count - 1)[count - 1]
    return np.asarray(places <= last)


def _latest(times: NDArray[np.float64], fraction: float) -> NDArray[np.bool_]:
    """The latest rows; rows of the same time stay together."""
    count = max(1, round(fraction * len(times)))
    earliest = np.partition(times, len(times) - count)[len(times) - count]
    return np.asarray(times >= earliest)


def _whole_groups(groups: NDArray[np.generic], fraction: float) -> NDArray[np.bool_]:
    """Groups in the order of their names' digests until the share is reached most nearly."""
    names, member, counts = np.unique(groups, return_inverse=True, return_counts=True)
    keys = [hashlib.blake2b(str(name).encode(), digest_size=16).digest() for name in names]
    order = np.array(sorted(range(len(names)), key=keys.__getitem__))
    reached = np.cumsum(counts[order])
    take = int(np.argmin(np.abs(reached - fraction * len(groups)))) + 1
    return np.isin(member, order[: min(take, len(names) - 1)])
