"""Near duplicates: images that are copies of each other although no byte agrees.

They were recompressed, brightened, mirrored, turned, inverted, shifted by a pixel, slightly cropped or
rotated, or cropped to four fifths (`cropped_copies`). Two steps find them. Every pair is compared by
whitened low frequencies, one matrix product per block of images, which leaves few candidates; these are
superimposed, shifted and zoomed, and their edges compared. On 6,000 CIFAR-10 images every pair above the
limit is visibly a copy.

Images also have 252-bit perceptual hashes (signs of the discrete cosine transform, Zauner 2010,
"Implementation and Benchmarking of Perceptual Image Hash Functions"), by which sealed images can be
compared with others without being read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hpo.data.cropped_copies import cropped_pairs
from hpo.data.thumbnails import (
    BLOCK,
    SIDE,
    Floats,
    alike,
    blurred,
    cosines,
    edge_rows,
    frequencies,
    overlap,
    resampling,
    unit,
)

LEAST_SIDE = 16
"""Images with fewer pixels a side show too little to tell a copy from a similar image."""
SAME = 0.87
"""Least correlation of the edges of copies. Distinct CIFAR-10 images reach 0.84."""
SAME_TURNED = 0.95
"""The same of copies that were turned or inverted; distinct CIFAR-10 images reach 0.93 in these views."""
PROMISING = 0.7
"""Least correlation at which zooming is tried."""
CROWDED = 5
"""Candidate pairs per image above which a data set is too uniform to detect copies."""
FLAT = 1e-3
"""Coefficients up to this, of 255 grey levels, are rounding: it differs from processor to processor."""
HASH_NEAR = 32
"""Greatest number of bits that differ in the same image of another file; 48 confuses small uniform images."""
HASH_LIMIT = 48
"""Greatest number of the 252 bits that differ in a copy; JPEG at quality 50 and noise stay below 30."""


MOST_TURNED = 400_000_000
"""Pairs of images up to which turned and inverted copies are looked for; beyond, only mirrored ones are."""

MOST_CROPPED = 50_000_000
"""The same for crops to four fifths, which take twice as long as all other views."""

PLAIN = 2
"""Number of views that are tried of any number of images."""

VIEWS: tuple[Callable[[Floats], Floats], ...] = (
    lambda images: images,
    lambda images: images[:, :, ::-1],
    lambda images: images[:, ::-1],
    lambda images: images[:, ::-1, ::-1],
    lambda images: np.rot90(images, 1, (1, 2)),
    lambda images: np.rot90(images, 3, (1, 2)),
    lambda images: -images,
)
"""How a copy may show what another image shows: as it is, mirrored, upside down, turned, inverted."""


@dataclass(frozen=True)
class NearDuplicates:
    """Pairs of near duplicates.

    Attributes:
        rows: int64 [m, 2]: row of the first and row of the second set, each pair once.
        decided: False if the images are too small or too uniform to tell copies from similar images.
    """

    rows: NDArray[np.int64]
    decided: bool = True


def near_pairs(ours: Floats, theirs: Floats | None = None, small: bool = False) -> NearDuplicates:
    """Find near duplicates between two sets of thumbnails, or within one.

    Args:
        ours: float32 [n, 32, 32].
        theirs: float32 [k, 32, 32]; None to search within ``ours``.
        small: Whether the images themselves are too small; nothing is compared then.
    """
    none = np.zeros((0, 2), np.int64)
    if small or len(ours) == 0:
        return NearDuplicates(none, decided=False)
    others = ours if theirs is None else theirs
    low = frequencies(ours)
    mean, spread = low.mean(axis=0), low.std(axis=0) + 1e-6
    left = unit((low - mean) / spread)
    smooth = blurred(ours), blurred(others)
    copies = [none]
    most = CROWDED * (len(ours) + len(others))
    views = VIEWS if len(ours) * len(others) <= MOST_TURNED else VIEWS[:PLAIN]
    for number, view in enumerate(views):
        least = SAME if number < PLAIN else SAME_TURNED
        right = unit((frequencies(view(others)) - mean) / spread)
        candidates, limit = [none], most
        for pairs in alike(left, right, within=theirs is None):
            candidates.append(pairs)
            limit -= len(pairs)
            if limit < 0:
                return NearDuplicates(none, decided=False)
        rows = np.concatenate(candidates)
        second = view(smooth[1])
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            copies.append(block[_same(smooth[0][block[:, 0]], second[block[:, 1]], least)])
    if len(ours) * len(others) <= MOST_CROPPED:
        copies += cropped_pairs(ours, others, most)
        copies += (pairs[:, ::-1] for pairs in cropped_pairs(others, ours, most))
    rows = np.concatenate(copies)
    if theirs is None:
        rows = np.sort(rows[rows[:, 0] != rows[:, 1]], axis=1)
    return NearDuplicates(np.unique(rows, axis=0))


def hashes(grey: Floats) -> NDArray[np.uint64]:
    """Return perceptual hashes of thumbnails: 252 bits in uint64 [n, 4]."""
    signs = cosines(grey, 22) > FLAT
    bits = np.packbits(np.pad(signs, ((0, 0), (0, 256 - signs.shape[1]))), axis=1)
    return np.ascontiguousarray(bits).view("<u8").astype(np.uint64)


def resembling(ours: NDArray[np.uint64], theirs: NDArray[np.uint64]) -> float:
    """Return the share of our images that have a near duplicate among theirs, by their hashes alone."""
    if len(ours) == 0 or len(theirs) == 0:
        return 0.0
    step = max(1, (32 << 20) // (8 * len(theirs)))
    near = 0
    for start in range(0, len(ours), step):
        differing = sum(
            np.bitwise_count(ours[start : start + step, word, None] ^ theirs[None, :, word]).astype(np.int16)
            for word in range(4)
        )
        near += int(np.any(np.asarray(differing) <= HASH_LIMIT, axis=1).sum())
    return near / len(ours)


def near_share(ours: NDArray[np.uint64], theirs: NDArray[np.uint64]) -> float:
    """Return the share of our images of which theirs have the same one in another file, by their hashes."""
    if not len(ours) or not len(theirs):
        return 0.0
    step = max(1, (32 << 20) // (8 * len(theirs)))
    near = 0
    for start in range(0, len(ours), step):
        differing = np.zeros((len(ours[start : start + step]), len(theirs)), np.int16)
        for word in range(4):
            differing += np.bitwise_count(ours[start : start + step, word, None] ^ theirs[None, :, word])
        near += int(np.any(differing <= HASH_NEAR, axis=1).sum())
    return near / len(ours)


def _same(ours: Floats, theirs: Floats, least: float) -> NDArray[np.bool_]:
    """Return whether blurred images show the same edges when one is shifted or zoomed a little."""
    best = overlap(ours, unit(edge_rows(theirs[:, 2:-2, 2:-2])))
    closer = np.flatnonzero((best > PROMISING) & (best < least))
    if len(closer):
        one, other = ours[closer], theirs[closer]
        best[closer] = np.maximum(best[closer], np.maximum(_zoomed(one, other), _zoomed(other, one)))
    return best >= least


def _zoomed(ours: Floats, theirs: Floats) -> Floats:
    """Return the same for windows of 26 pixels, enlarged to 28."""
    middle = unit(edge_rows(theirs[:, 2:-2, 2:-2]))
    best = np.full(len(ours), -1.0, np.float32)
    cuts = [resampling(SIDE - 4, start, SIDE - 6) for start in range(7)]
    for down in cuts:
        rows = down @ ours
        for across in cuts:
            best = np.maximum(best, _dots(unit(edge_rows(rows @ across.T)), middle))
    return best


def _dots(ours: Floats, theirs: Floats) -> Floats:
    return np.asarray(np.einsum("nk,nk->n", ours, theirs), np.float32)
