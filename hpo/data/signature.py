"""The signature of a data set: what lets it be recognised after it was edited, without a single value.

It holds keyed sketches of every column, of combinations of cells of one row and of whole rows, the
shapes of the columns' distributions (which neither scaling nor the order of rows changes), digests of
the labels in file order, and perceptual hashes of images. `hpo.data.likeness` compares two of them.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field, fields
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from hpo.data import near_duplicates
from hpo.data.cells import coarse, columns_of, gram_tokens, names_of, sample, tokens_of
from hpo.data.half_rows import half_rows
from hpo.data.label_blocks import label_blocks
from hpo.data.sketch import Hashes, distinct, mixed, sketched, smallest
from hpo.data.thumbnails import thumbnails
from trainables.data.content import Content

Floats = NDArray[np.float32]

ROWS = 2048
"""Entries in the sketches of rows and of combinations of cells."""
QUANTILES = 31
CONTINUOUS = 64
"""Distinct values from which the distribution of a column is a signature of its rows."""
FINE = 2
"""Distinct values per root of the number of rows from which other rows have other quantiles."""
UNIQUE = 0.95
"""Share of distinct values from which evenly spaced ones count rows."""
SOME = 128
"""Test images by which near duplicates within one data set are counted."""
PICKED = 6
"""Cells of a row that are combined by threes."""
DISTINCTIVE = 50
"""Distinct values of a column whose cells are combined, if at least three columns have as many."""
CHUNK = 1 << 16
NOTHING: Hashes = np.zeros(0, np.uint64)
EMPTY_SHAPES: Floats = np.full((2, QUANTILES), np.nan, np.float32)


@dataclass(frozen=True)
class Signature:
    """What a data set is recognised by.

    Attributes:
        sizes: Numbers of rows: of the whole data set, of its test part; int64 [2].
        columns: Sketches of the columns one after another, the target of a regression first.
        ends: Where each column's sketch ends in ``columns``, int64 [columns].
        target: Number of leading columns that are targets: 0 or 1; int64 [1].
        counters: Whether each column counts its rows or is constant, so that other data has the same
            values; bool [columns].
        quantiles: Scaled quantiles of each column over the whole and over the test part, float32
            [columns, 2, 31]; NaN where there are too few values.
        combinations: Sketch of combinations of three cells of one row.
        ranks: Sketch of such combinations by the rank of each cell among the values of its column.
        keys: Sketch of whole rows.
        blocks: Digests of the labels in blocks of the file, uint64 [blocks].
        images: Perceptual hashes of the images of the test part, uint64 [n, 4].
        others: The same of the development part; kept in the home alone.
        recurring: Share of test images with a near duplicate in the development part; float64 [1].
        named: Sketch of half rows, with each cell's column by its name; empty in early signatures.
        placed: The same, with each cell's column by its distribution.
        sealed: Whether each block has rows of the test part, bool [blocks]; empty in early signatures.
    """

    sizes: NDArray[np.int64]
    columns: Hashes
    ends: NDArray[np.int64]
    target: NDArray[np.int64]
    counters: NDArray[np.bool_]
    quantiles: Floats
    combinations: Hashes
    ranks: Hashes
    keys: Hashes
    blocks: Hashes
    images: Hashes
    others: Hashes
    recurring: NDArray[np.float64]
    named: Hashes = field(default_factory=lambda: NOTHING)
    placed: Hashes = field(default_factory=lambda: NOTHING)
    sealed: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))

    def sketches(self) -> list[Hashes]:
        """Return the sketch of each column."""
        return np.split(self.columns, self.ends[:-1]) if len(self.ends) else []

    def sealed_blocks(self) -> Hashes:
        """Return the blocks with rows of the test part; of early signatures, all blocks."""
        return self.blocks[self.sealed] if len(self.sealed) == len(self.blocks) else self.blocks

    def to_bytes(self, *, development: bool = True) -> bytes:
        """Return the signature as bytes, with or without the hashes of development images."""
        arrays = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        if not development:
            arrays["others"] = arrays["others"][:0]
        file = io.BytesIO()
        np.savez_compressed(file, **arrays)
        return file.getvalue()

    @classmethod
    def from_bytes(cls, content: bytes) -> Signature:
        """Return what `to_bytes` was given."""
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            return cls(**{entry.name: arrays[entry.name] for entry in fields(cls) if entry.name in arrays})


def signature_of(development: Content, test: Content, key: bytes) -> Signature:
    """Compute the signature of a data set.

    Args:
        development: Its development part.
        test: Its test part.
        key: Secret of the register, 32 bytes.
    """
    n, n_test = len(development) + len(test), len(test)
    is_test = np.arange(n) >= n - n_test
    columns = _joined(development, test)
    regression = development.info.task == "regression"
    target = [np.concatenate([development.targets, test.targets]).astype(np.float64)] if regression else []
    pool = [*target, *columns]
    tokens = [tokens_of(column, key) for column in pool]
    sketches = [_sketch(column, cells, is_test, key) for column, cells in zip(pool, tokens, strict=True)]
    shapes, counters = [], []
    for column in pool:
        ascending = _ascending(column)
        counters.append(_is_counter(ascending, n))
        shapes.append(np.stack([_shape(ascending), _shape(_ascending(column[is_test]))]))
    inputs = [index for index in range(len(target), len(pool)) if not counters[index]]
    ranks = [cells for index in inputs if (cells := _ranks(pool[index])) is not None]
    empty = np.zeros((0, 4), np.uint64)
    images, others = _hashes(test) if n_test else empty, _hashes(development)
    named, placed = half_rows(
        [pool[index] for index in inputs],
        [tokens[index] for index in inputs],
        [names_of(development)[index - len(target)] for index in inputs],
        is_test,
        key,
    )
    blocks, sealed = label_blocks(development, test, key)
    return Signature(
        sizes=np.array([n, n_test]),
        columns=np.concatenate([empty[:, 0], *sketches]),
        ends=np.cumsum([len(sketch) for sketch in sketches], dtype=np.int64),
        target=np.array([len(target)]),
        counters=np.array(counters, bool),
        quantiles=np.stack(shapes) if shapes else EMPTY_SHAPES[None][:0],
        combinations=_combined(_rich([coarse(tokens[index]) for index in inputs]), is_test, key),
        ranks=_combined(ranks, is_test, key),
        keys=sketched(row_keys([tokens[index] for index in inputs], key), is_test, key, ROWS),
        blocks=blocks,
        images=images,
        others=others,
        recurring=np.array([near_duplicates.near_share(images[:: 1 + len(images) // SOME], others)]),
        named=named,
        placed=placed,
        sealed=sealed,
    )


def row_keys(tokens: list[Hashes], key: bytes) -> Hashes:
    """Return a key of every row, [n], from the tokens of its cells in any order of the columns."""
    if not tokens:
        return np.zeros(0, np.uint64)
    total = np.zeros(len(tokens[0]), np.uint64)
    for cells in tokens:
        total += mixed(cells, key)
    return mixed(total, key)


def _joined(development: Content, test: Content) -> list[NDArray[np.generic]]:
    pairs = zip(columns_of(development), columns_of(test), strict=True)
    return [np.concatenate([ours, theirs]) for ours, theirs in pairs]


def _sketch(column: NDArray[np.generic], tokens: Hashes, is_test: NDArray[np.bool_], key: bytes) -> Hashes:
    """Sketch the values of a column; of prose, its runs of words."""
    grams = gram_tokens(column, key)
    return sketched(tokens, is_test, key) if grams is None else sketched(grams[0], is_test[grams[1]], key)


def _ascending(column: NDArray[np.generic]) -> NDArray[np.float64] | None:
    """Return the finite numbers of a column in ascending order; None of texts."""
    if column.dtype.kind not in "fiub":
        return None
    numbers = np.sort(np.asarray(column, np.float64))
    return numbers[np.isfinite(numbers)]


def _shape(ascending: NDArray[np.float64] | None) -> Floats:
    """Return quantiles at zero median and unit interquartile range; NaN without enough values."""
    if ascending is None or len(distinct(ascending)) < max(CONTINUOUS, FINE * np.sqrt(len(ascending))):
        return np.asarray(EMPTY_SHAPES[0])
    position = np.arange(1, QUANTILES + 1) / (QUANTILES + 1) * (len(ascending) - 1)
    quantiles = np.interp(position, np.arange(len(ascending)), ascending)
    spread = quantiles[QUANTILES * 3 // 4] - quantiles[QUANTILES // 4]
    if spread <= 0:
        return np.asarray(EMPTY_SHAPES[0])
    return np.asarray((quantiles - quantiles[QUANTILES // 2]) / spread, np.float32)


def _is_counter(ascending: NDArray[np.float64] | None, rows: int) -> bool:
    """Return whether a column is constant, or its values are evenly spaced and hardly recur."""
    if ascending is None:
        return False
    values = distinct(ascending)
    if len(values) < 2:
        return True
    gaps = np.diff(values)
    return len(values) >= UNIQUE * rows and bool((np.abs(gaps - np.median(gaps)) < gaps * 1e-3).mean() > 0.5)


def _rich(tokens: list[Hashes]) -> list[Hashes]:
    """Return the columns of many values if at least three are, otherwise all."""
    rich = [cells for cells in tokens if len(distinct(sample(cells))) >= DISTINCTIVE]
    return rich if len(rich) >= 3 else tokens


def _ranks(column: NDArray[np.generic]) -> Hashes | None:
    """Return the rank of each cell among the values of a column of few values; None of one of many."""
    if len(np.unique(sample(column))) > CONTINUOUS:
        return None
    values, ranks = np.unique(column, return_inverse=True)
    few = 3 <= len(values) <= CONTINUOUS
    return ranks.astype(np.uint64) + np.uint64(1 << 40) if few else None


def _combined(tokens: list[Hashes], is_test: NDArray[np.bool_], key: bytes) -> Hashes:
    """Sketch the combinations of three cells of a row, from the tokens of each column.

    Cells take part by their own hash, so that the same ones do after columns were moved or added.
    """
    if len(tokens) < 3:
        return np.zeros(0, np.uint64)
    picked = min(PICKED, len(tokens))
    triples = np.array(list(combinations(range(picked), 3)))
    hashes = [np.zeros(0, np.uint64)]
    rows = [np.zeros(0, np.int64)]
    for start in range(0, len(is_test), CHUNK):
        cells = np.stack([mixed(column[start : start + CHUNK], key) for column in tokens], axis=1)
        cells = np.sort(np.partition(cells, picked - 1, axis=1)[:, :picked], axis=1)
        sums = cells[:, triples].sum(axis=2)
        kept = _least(sums.ravel(), key)
        hashes.append(sums.ravel()[kept])
        rows.append(start + kept // len(triples))
    return sketched(np.concatenate(hashes), is_test[np.concatenate(rows)], key, ROWS)


def _least(tokens: Hashes, key: bytes) -> NDArray[np.int64]:
    """Return the indices of the tokens of which the sketch of a chunk can consist."""
    mix = mixed(tokens, key)
    return np.flatnonzero(mix <= smallest(mix, ROWS)[-1])


def _hashes(content: Content) -> Hashes:
    images = content.inputs
    if content.info.kind == "table" or images.ndim not in (3, 4) or len(images) == 0:
        return np.zeros((0, 4), np.uint64)
    images = images if images.ndim == 4 else images[..., None]
    if images.shape[3] not in (1, 3):
        return np.zeros((0, 4), np.uint64)
    return near_duplicates.hashes(thumbnails(images))
