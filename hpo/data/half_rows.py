"""Rows known by half of their cells, where single columns and triples of cells have too few values.

A cell counts together with its column, which is known by its name or, after columns were renamed, by how
often each of its values occurs. So rows of a questionnaire or of counts are recognised after rows were
reordered or dropped and columns were added, dropped, moved or scaled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from hpo.data.cells import canonical_text, coarse, sample
from hpo.data.sketch import Hashes, mixed, sequence_hash, sketched, smallest, text_tokens

PARTS = 6
"""Parts into which the cells of a row fall by their hash; one that is edited changes its part alone."""
HALVES = ((0, 1, 2), (3, 4, 5), (0, 2, 4), (1, 3, 5))
FEW = 64
"""Distinct numbers up to which a cell counts by its rank among them, which scaling leaves."""
STEPS = 10_000
"""Steps of a column's range to which numbers are rounded before they are ranked."""
ROWS = 2048
"""Entries of a sketch."""

Column = NDArray[np.generic]


def half_rows(
    columns: Sequence[Column],
    tokens: Sequence[Hashes],
    names: Iterable[str],
    is_test: NDArray[np.bool_],
    key: bytes,
) -> tuple[Hashes, Hashes]:
    """Return sketches of half rows, with columns by their names and by their distributions.

    Args:
        columns: Numbers or texts, [n] each.
        tokens: Their cells as tokens.
        names: Names of the columns.
        is_test: Whether each row is in the test part, [n].
        key: Secret of the register.

    Returns:
        Two sketches; the second is empty without a column of few numbers.
    """
    ranks = [_ranks(column) for column in columns]
    cells = [coarse(cell) if rank is None else rank for cell, rank in zip(tokens, ranks, strict=True)]
    named = _sketch(cells, text_tokens(map(canonical_text, names), key), is_test, key)
    few = [rank is not None for rank in ranks]
    cells = [cell if rank is None else _either_way(rank) for cell, rank in zip(cells, ranks, strict=True)]
    shapes = [_distribution(cell, key) if is_few else 0 for cell, is_few in zip(cells, few, strict=True)]
    return named, _sketch(cells, np.array(shapes, np.uint64), is_test, key) if any(few) else named[:0]


def _ranks(column: Column) -> Hashes | None:
    """Return the rank of each number among the values of its column; None of texts and of many values."""
    if column.dtype.kind not in "fiub" or not len(column):
        return None
    numbers = np.asarray(column, np.float64)
    finite = numbers[np.isfinite(numbers)]
    span = float(np.ptp(finite)) if len(finite) else 0.0
    if not span:
        return None
    steps = np.rint((numbers - finite.min()) / span * STEPS)
    if len(np.unique(sample(steps))) > FEW:
        return None
    values, ranks = np.unique(steps, return_inverse=True)
    return ranks.astype(np.uint64) + np.uint64(1 << 40) if len(values) <= FEW else None


def _either_way(ranks: Hashes) -> Hashes:
    """Return ranks counted from the end with the fewer rows, so that a changed sign changes nothing."""
    counts = np.unique(ranks, return_counts=True)[1].tolist()
    return ranks if counts <= counts[::-1] else ranks.max() + ranks.min() - ranks


def _distribution(ranks: Hashes, key: bytes) -> int:
    """Return a hash of how often each value of a column occurs, which repeated rows leave."""
    counts = np.unique(ranks, return_counts=True)[1]
    shares = np.rint(counts / len(ranks) * 1e6).astype(np.uint64)
    return sequence_hash(shares, key, bits=32)


def _sketch(cells: Sequence[Hashes], identities: Hashes, is_test: NDArray[np.bool_], key: bytes) -> Hashes:
    n = len(is_test)
    if len(cells) < 2:
        return np.zeros(0, np.uint64)
    sums, start = np.zeros(n * PARTS, np.uint64), np.arange(n) * PARTS
    for cell, identity in zip(cells, identities, strict=True):
        mix = mixed(cell + identity, key)
        sums[start + ((mix >> np.uint64(32)) % np.uint64(PARTS)).astype(np.int64)] += mix
    parts = sums.reshape(n, PARTS)
    halves = np.concatenate([parts[:, half].sum(axis=1, dtype=np.uint64) for half in HALVES])
    mix = mixed(halves, key)
    kept = np.flatnonzero(mix <= smallest(mix, ROWS)[-1])
    return sketched(halves[kept], is_test[kept % n], key, ROWS)
