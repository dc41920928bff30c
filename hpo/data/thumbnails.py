"""Small grey images, their low frequencies and their edges, by which images are compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SIDE = 32
FREQUENCIES = 10
FAINT = 1e-2
"""Contrast (of 255 levels) below which an image matches nothing."""
BLUR = 1.0
BLOCK = 2048
PIXELS = 8 << 20
"""Values of images that are converted at once."""
ALIKE = 0.68
"""Least cosine of whitened frequencies of a candidate; one in 50,000 distinct pairs is above."""


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


def frequencies(grey: Floats) -> Floats:
    """Return low frequencies at unit contrast, so that brightness and contrast do not matter."""
    return unit(cosines(grey, FREQUENCIES))


def cosines(grey: Floats, count: int) -> Floats:
    """Return the coefficients u + v < count of the discrete cosine transform except the mean, [n, ...]."""
    angle = (np.arange(SIDE) + 0.5) * np.pi / SIDE
    basis = np.cos(np.arange(count)[:, None] * angle).astype(np.float32) * np.float32((2 / SIDE) ** 0.5)
    across, down = np.meshgrid(np.arange(count), np.arange(count))
    low = (across + down < count) & (across + down > 0)
    return np.asarray((basis @ grey @ basis.T)[:, low])


def blurred(grey: Floats) -> Floats:
    """Return images with their finest detail removed."""
    pixels = np.arange(SIDE)
    kernel = np.exp(-0.5 * ((pixels[:, None] - pixels) / BLUR) ** 2)
    kernel = (kernel / kernel.sum(axis=1, keepdims=True)).astype(np.float32)
    return np.asarray(kernel @ grey @ kernel.T)


def unit(rows: Floats) -> Floats:
    """Return rows of length one."""
    # An image without contrast stays near zero and matches nothing, itself included.
    return np.asarray(rows / (np.linalg.norm(rows, axis=1, keepdims=True) + FAINT), np.float32)


def overlap(ours: Floats, middle: Floats) -> Floats:
    """Return the greatest correlation of edges of any 28-pixel window of ours with their middle."""
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


def edge_rows(images: Floats) -> Floats:
    """Return the edges of images as rows."""
    return np.concatenate([edges.reshape(len(images), -1) for edges in _edges(images)], axis=1)


def _edges(images: Floats) -> tuple[Floats, Floats]:
    """Return differences of neighbours, downwards and across, inside a margin of one pixel."""
    return np.diff(images, axis=1)[:, :, 1:-1], np.diff(images, axis=2)[:, 1:-1, :]


def _scaling(size: int) -> Floats:
    """Return the matrix [32, size] that averages the pixels of each of 32 cells."""
    edges = np.linspace(0, size, SIDE + 1)
    pixels = np.arange(size)
    shares = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.asarray(np.clip(shares, 0, None) * (SIDE / size), np.float32)


def resampling(count: int, start: float, length: float) -> Any:
    """Return the matrix [count, 32] that interpolates ``length`` pixels at ``count`` positions."""
    positions = np.clip(start + (np.arange(count) + 0.5) * length / count - 0.5, 0, SIDE - 1)
    first = np.minimum(np.floor(positions).astype(int), SIDE - 2)
    matrix = np.zeros((count, SIDE), np.float32)
    matrix[np.arange(count), first] = 1 - (positions - first)
    matrix[np.arange(count), first + 1] += positions - first
    return matrix


def alike(left: Floats, right: Floats, within: bool) -> Iterator[NDArray[np.int64]]:
    """Yield pairs [m, 2] of images whose whitened frequencies are alike, block by block.

    Args:
        left: Frequencies of length one, [n, ...].
        right: The same of other images, [k, ...].
        within: Whether both are the same images, so that each pair is wanted once.
    """
    for start in range(0, len(left), BLOCK):
        first = start if within else 0
        likeness = left[start : start + BLOCK] @ right[first:].T
        rows, columns = np.divmod(np.flatnonzero(likeness.ravel() > ALIKE), likeness.shape[1])
        pairs = np.stack([rows + start, columns + first], axis=1)
        yield pairs[pairs[:, 1] > pairs[:, 0]] if within else pairs
