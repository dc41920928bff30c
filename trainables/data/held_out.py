"""Cut a test part from data that has none.

The first cut depends on the content of the rows, not on a seed: the same rows are the test part after
the file was sorted or copied, equal rows fall on the same side, and the draw cannot be repeated. Once it
is on record, `hpo.data.stable_cut` keeps known rows where they are, and new rows fall by themselves.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hpo.core.errors import UserError
from trainables.data.content import Content
from trainables.data.digests import as_keys
from trainables.data.uncut import Cutter, Uncut

Rows = NDArray[np.int64]


def carve(content: Content, fraction: float, cutter: Cutter | None = None) -> tuple[Content, Content]:
    """Cut off a test part.

    With times it is the latest rows, with groups whole groups, with classes the same share of
    each, otherwise a share of all rows.

    Args:
        content: The whole data set.
        fraction: Share of the rows in the test part, above 0 and below 1.
        cutter: Decides which rows; None for the first cut.

    Returns:
        The development part, which keeps the warnings, and the test part, both in their original
        order.

    Raises:
        UserError: If either part would be empty.
    """
    labels = content.targets if content.info.task == "classification" else None
    rows = Uncut(content.digests(), fraction, labels, content.groups, content.times)
    mask = (cutter or first_cut)(rows)
    content = replace(content, positions=np.arange(len(content)))
    development = replace(content.take(np.flatnonzero(~mask)), warnings=content.warnings)
    return development, content.take(np.flatnonzero(mask))


def first_cut(rows: Uncut) -> NDArray[np.bool_]:
    """Return which rows become the test part when the data is cut for the first time.

    Raises:
        UserError: If either part would be empty.
    """
    mask = np.zeros(len(rows), dtype=bool)
    if rows.times is not None:
        mask = _latest(rows.times, rows.share)
    elif rows.groups is not None:
        mask = _whole_groups(rows.groups, rows.share)
    else:
        ranks = rows.digests[:, 1]  # half of a digest: a number that depends on the content alone
        labels = _shared_labels(rows) if rows.together else rows.labels
        for label in [None] if labels is None else np.unique(labels):
            members = np.arange(len(rows)) if label is None else np.flatnonzero(labels == label)
            mask[members] = _first(ranks[members], rows.share)
    require_both(mask, rows)
    return mask


def fallen(rows: Uncut, border: float) -> NDArray[np.bool_]:
    """Return on which side rows fall that are new in data which was cut before: true for the test part.

    Every row falls by itself, by its time or by its own hash, so that no other row moves it.

    Args:
        rows: All rows.
        border: Earliest time of the test part; has no effect without times.
    """
    if rows.times is not None:
        return np.asarray(rows.times >= border)
    limit = np.uint64(min(int(rows.share * 2**64), 2**64 - 1))
    if rows.groups is None:
        return np.asarray(rows.digests[:, 1] < limit)
    names, member = np.unique(rows.groups, return_inverse=True)
    hashes = np.array([int.from_bytes(_name_digest(name)[:8], "big") for name in names], np.uint64)
    return np.asarray((hashes < limit)[member])


def require_both(mask: NDArray[np.bool_], rows: Uncut) -> None:
    """Require that neither part is empty.

    Raises:
        UserError: If one is.
    """
    if mask.any() and not mask.all():
        return
    text = f"data: a test share of {rows.share:g} of {len(mask):,} rows leaves one of the two parts empty"
    different = len(np.unique(as_keys(rows.digests)))
    if rows.rule == "rows" and different < len(mask):
        complaint = (
            "there is only 1 distinct row" if different == 1 else f"only {different:,} rows are distinct"
        )
        text += f": equal rows are cut together, and {complaint}"
    elif rows.times is None and rows.groups is not None:
        groups = len(np.unique(rows.groups))
        all_of_them = "all rows are of one group" if groups == 1 else f"there are only {groups:,} groups"
        text += f": groups are not divided, and {all_of_them}"
    raise UserError(text)


def _shared_labels(rows: Uncut) -> NDArray[np.int64] | None:
    """Return the labels, where rows with equal inputs all have the rarest of theirs, [n].

    So they are ranked, and cut, as one; a class of few rows keeps its share.
    """
    if rows.labels is None:
        return None
    labels, of, counts = np.unique(rows.labels, return_inverse=True, return_counts=True)
    rarity = np.empty(len(labels), np.int64)
    order = np.argsort(counts, kind="stable")
    rarity[order] = np.arange(len(labels))
    _, same = np.unique(as_keys(rows.digests), return_inverse=True)
    rarest = np.full(same.max() + 1, len(labels), np.int64)
    np.minimum.at(rarest, same, rarity[of])
    return np.asarray(labels[order[rarest[same]]])


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
    keys = [_name_digest(name) for name in names]
    order = np.array(sorted(range(len(names)), key=keys.__getitem__))
    reached = np.cumsum(counts[order])
    take = int(np.argmin(np.abs(reached - fraction * len(groups)))) + 1
    return np.isin(member, order[: min(take, len(names) - 1)])


def _name_digest(name: object) -> bytes:
    return hashlib.blake2b(str(name).encode(errors="surrogatepass"), digest_size=16).digest()
