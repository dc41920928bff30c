"""Near duplicates: images that are copies of each other although no byte agrees.

They were recompressed, brightened, mirrored, turned, inverted, shifted by a pixel, slightly cropped or
rotated. Two steps find them. Every pair is compared by whitened low frequencies, one matrix product per block
of images, which leaves few candidates; these are superimposed, shifted and zoomed, and their edges
compared. On 6,000 CIFAR-10 images every pair above the limit is visibly a copy.

Images also have 252-bit perceptual hashes (signs of the discrete cosine transform, Zauner 2010,
"Implementation and Benchmarking of Perceptual Image Hash Functions"), by which sealed images can be
compared with others without being read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SIDE = 32
LEAST_SIDE = 16
"""Images with fewer pixels a side show too little to tell a copy from a similar image."""
FREQUENCIES = 10
ALIKE = 0.68
"""Least cosine of whitened frequencies of a candidate; one in 50,000 distinct pairs is above."""
SAME = 0.87
"""Least correlation of the edges of copies. Distinct CIFAR-10 images reach 0.84."""
SAME_TURNED = 0.95
"""The same of copies that were turned or inverted; distinct CIFAR-10 images reach 0.93 in these views."""
PROMISING = 0.7
"""Least correlation at which zooming is tried."""
FAINT = 1e-2
"""Contrast (of 255 levels) below which an image matches nothing."""
BLUR = 1.0
BLOCK = 2048
PIXELS = 8 << 20
"""Values of images that are converted at once."""
CROWDED = 5
"""Candidate pairs per image above which a data set is too uniform to detect copies."""
HASH_NEAR = 32
"""Greatest number of bits that differ in the same image of another file; 48 confuses small uniform images."""
HASH_LIMIT = 48
"""Greatest number of the 252 bits that differ in a copy; JPEG at quality 50 and noise stay below 30."""


MOST_TURNED = 400_000_000
"""Pairs of images up to which turned and inverted copies are looked for; beyond, only mirrored ones are."""

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


def thumbnails(images: NDArray[np.uint8]) -> Floats:
    """Return grey images of 32 x 32 from uint8 [n, height, width, channels], read in blocks."""
    down, across = _scaling(images.shape[1]), _scaling(images.shape[2])
    weights = np.array([0.299, 0.587, 0.114] if images.shape[3] == 3 else [1.0], np.float32)
    grey = np.zeros((len(images), SIDE, SIDE), np.float32)
    step = max(1, min(BLOCK, PIXELS // max(1, images[:1].size)))
    for start in range(0, len(images), step):
        block = images[start : start + step, ..., : len(weights)].astype(np.float32) @ weights
        grey[start : start + step] = down @ block @ across.T
    return grey


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
    frequencies = _frequencies(ours)
    mean, spread = frequencies.mean(axis=0), frequencies.std(axis=0) + 1e-6
    left = _unit((frequencies - mean) / spread)
    blurred = _blurred(ours), _blurred(others)
    copies = [none]
    views = VIEWS if len(ours) * len(others) <= MOST_TURNED else VIEWS[:PLAIN]
    for number, view in enumerate(views):
        least = SAME if number < PLAIN else SAME_TURNED
        right = _unit((_frequencies(view(others)) - mean) / spread)
        alike, limit = [none], CROWDED * (len(ours) + len(others))
        for pairs in _alike(left, right, within=theirs is None):
            alike.append(pairs)
            limit -= len(pairs)
            if limit < 0:
                return NearDuplicates(none, decided=False)
        rows = np.concatenate(alike)
        second = view(blurred[1])
        for start in range(0, len(rows), BLOCK):
            block = rows[start : start + BLOCK]
            copies.append(block[_same(blurred[0][block[:, 0]], second[block[:, 1]], least)])
    return NearDuplicates(np.unique(np.concatenate(copies), axis=0))


def hashes(grey: Floats) -> NDArray[np.uint64]:
    """Return perceptual hashes of thumbnails: 252 bits in uint64 [n, 4]."""
    signs = _cosines(grey, 22) > 0
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


def _alike(left: Floats, right: Floats, within: bool) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(left), BLOCK):
        first = start if within else 0
        likeness = left[start : start + BLOCK] @ right[first:].T
        rows, columns = np.divmod(np.flatnonzero(likeness.ravel() > ALIKE), likeness.shape[1])
        pairs = np.stack([rows + start, columns + first], axis=1)
        yield pairs[pairs[:, 1] > pairs[:, 0]] if within else pairs


def _same(ours: Floats, theirs: Floats, least: float) -> NDArray[np.bool_]:
    """Return whether blurred images show the same edges when one is shifted or zoomed a little."""
    best = _shifted(ours, _unit(_flat(theirs[:, 2:-2, 2:-2])))
    closer = np.flatnonzero((best > PROMISING) & (best < least))
    if len(closer):
        one, other = ours[closer], theirs[closer]
        best[closer] = np.maximum(best[closer], np.maximum(_zoomed(one, other), _zoomed(other, one)))
    return best >= least


def _shifted(ours: Floats, middle: Floats) -> Floats:
    """Return the greatest correlation of edges of any 28-pixel window of ours with the middle of theirs."""
    down, across = _edges(ours)
    size, best = SIDE - 4, np.full(len(ours), -1.0, np.float32)
    split = (size - 1) * (size - 2)
    for y, x in np.ndindex(5, 5):
        first = down[:, y : y + size - 1, x : x + size - 2].reshape(len(ours), -1)
        second = across[:, y : y + size - 2, x : x + size - 1].reshape(len(ours), -1)
        dots = np.einsum("nk,nk->n", first, middle[:, :split]) + np.einsum(
            "nk,nk->n", second, middle[:, split:]
        )
        square = np.einsum("nk,nk->n", first, first) + np.einsum("nk,nk->n", second, second)
        best = np.maximum(best, dots / (np.sqrt(square) + FAINT))
    return best


def _zoomed(ours: Floats, theirs: Floats) -> Floats:
    """Return the same for windows of 26 pixels, enlarged to 28."""
    middle = _unit(_flat(theirs[:, 2:-2, 2:-2]))
    best = np.full(len(ours), -1.0, np.float32)
    cuts = [_resampling(SIDE - 4, start, SIDE - 6) for start in range(7)]
    for down in cuts:
        rows = down @ ours
        for across in cuts:
            best = np.maximum(best, _dots(_unit(_flat(rows @ across.T)), middle))
    return best


def _edges(images: Floats) -> tuple[Floats, Floats]:
    """Return differences of neighbours, downwards and across, inside a margin of one pixel."""
    return np.diff(images, axis=1)[:, :, 1:-1], np.diff(images, axis=2)[:, 1:-1, :]


def _flat(images: Floats) -> Floats:
    return np.concatenate([edges.reshape(len(images), -1) for edges in _edges(images)], axis=1)


def _dots(ours: Floats, theirs: Floats) -> Floats:
    return np.asarray(np.einsum("nk,nk->n", ours, theirs), np.float32)


def _unit(rows: Floats) -> Floats:
    # An image without contrast stays near zero and matches nothing, itself included.
    return np.asarray(rows / (np.linalg.norm(rows, axis=1, keepdims=True) + FAINT), np.float32)


def _blurred(grey: Floats) -> Floats:
    pixels = np.arange(SIDE)
    kernel = np.exp(-0.5 * ((pixels[:, None] - pixels) / BLUR) ** 2)
    kernel = (kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)
    return np.asarray(kernel @ grey @ kernel.T)


def _frequencies(grey: Floats) -> Floats:
    """Return low frequencies at unit contrast, so that brightness and contrast do not matter."""
    return _unit(_cosines(grey, FREQUENCIES))


def _cosines(grey: Floats, count: int) -> Floats:
    """Return the coefficients u + v < count of the discrete cosine transform except the mean, [n, ...]."""
    angle = (np.arange(SIDE) + 0.5) * np.pi / SIDE
    basis = np.cos(np.arange(count)[:, None] * angle).astype(np.float32) * np.float32((2 / SIDE) ** 0.5)
    across, down = np.meshgrid(np.arange(count), np.arange(count))
    low = (across + down < count) & (across + down > 0)
    return np.asarray((basis @ grey @ basis.T)[:, low])


def _scaling(size: int) -> Floats:
    """Return the matrix [32, size] that averages the pixels of each of 32 cells."""
    edges = np.linspace(0, size, SIDE + 1)
    pixels = np.arange(size)
    shares = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.clip(shares, 0, None) * (SIDE / size), np.float32)


def _resampling(count: int, start: int, length: int) -> Any:
    """Return the matrix [count, 32] that interpolates ``length`` pixels at ``count`` positions."""
    positions = np.clip(start + (np.arange(count) + 0.5) * length / count - 0.5, 0, SIDE - 1)
    first = np.minimum(np.floor(positions).astype(int), SIDE - 2)
    matrix = np.zeros((count, SIDE), np.float32)
    matrix[np.arange(count), first] = 1 - (positions - first)
    matrix[np.arange(count), first + 1] += positions - first
    return matrix
