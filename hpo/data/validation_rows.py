"""A sketch of the rows that a search validates on, by which a register knows them again.

Every row stands for a few values, each from a part of its cells without the names of their columns, so that
most of its values stay when a column is added, dropped or edited. A sketch of the values shows which share
of two sets of rows is the same, without a single value; see `hpo.data.sketch`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hpo.data.cut import Cut
from hpo.data.prepared import Prepared
from hpo.data.row_keys import PARTS, Keys, keys_of_digests, paired
from hpo.data.sketch import IDENTITY, Hashes, complete_below, sketched

SIZE = 512
"""Entries of a sketch: 4 KiB."""
FEWEST = 8
"""Values that must be comparable for a share to mean anything."""
RECURRING = 0.3
"""Share of values that other rows have, too, from which values tell nothing."""
PAIRS = tuple((part, part + 1) for part in range(0, PARTS, 2))
SALT = np.uint64(0x9E3779B97F4A7C15)
"""An odd number that spreads the values of one pair of parts; with the pair's number they stay apart."""


def sketch_of(data: Prepared, rows: NDArray[np.int64], key: bytes) -> bytes:
    """Return the sketch of some development rows.

    It is empty if rows with equal cells are frequent, as in a table of few distinct values.

    Args:
        data: The data.
        rows: The rows, [n].
        key: Secret of the register.
    """
    keys, known = _keys(data)
    chosen = np.isin(known, rows)
    halves = [paired(keys, pair) for pair in PAIRS]
    kept = [
        _told_apart(half * SALT + np.uint64(number), chosen, half > 0) for number, half in enumerate(halves)
    ]
    if sum(map(len, kept)) < len(rows):  # too few cells for pairs of parts, or too few values: whole rows
        cells = keys.astype(np.uint64) @ np.arange(1, 2 * PARTS, 2, dtype=np.uint64)
        kept = [_told_apart(np.asarray(cells, np.uint64), chosen, np.ones(len(keys), bool))]
    tokens = np.concatenate(kept)
    return sketched(tokens, np.zeros(len(tokens), bool), key, SIZE).astype("<u8").tobytes()


def _told_apart(values: Hashes, chosen: NDArray[np.bool_], present: NDArray[np.bool_]) -> Hashes:
    """Return the present values of the chosen rows, if most of them are these rows' alone."""
    ours, others = values[chosen & present], values[~chosen & present]
    return ours if len(ours) and np.isin(ours, others).mean() <= RECURRING else ours[:0]


def share_in_common(one: bytes, other: bytes) -> float:
    """Return the estimated share of the smaller set of rows that is in the other, from 0 to 1."""
    ours, theirs = np.frombuffer(one, "<u8"), np.frombuffer(other, "<u8")
    border = min(complete_below(ours, SIZE), complete_below(theirs, SIZE))
    ours, theirs = _identities(ours, border), _identities(theirs, border)
    fewer = min(len(ours), len(theirs))
    return float(np.isin(ours, theirs).sum()) / fewer if fewer >= FEWEST else 0.0


def _identities(sketch: Hashes, border: np.uint64) -> Hashes:
    return sketch[sketch < border] & IDENTITY


def _keys(data: Prepared) -> tuple[Keys, NDArray[np.int64]]:
    """Return keys of development rows, and these rows: those on record, or of data without a test part."""
    cut = Cut.read(data.cut_file)
    if cut is not None and int((~cut.test).sum()) == data.n:
        return np.asarray(cut.keys[~cut.test]), np.arange(data.n)
    digests, rows = data.digests()
    return keys_of_digests(digests), rows
