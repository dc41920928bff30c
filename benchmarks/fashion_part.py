"""A subset of Fashion-MNIST as a user's data source, for benchmarks that take minutes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHUFFLE = 0
"""Seed of the order in which images are taken."""


def few_pieces(part: str, root: str, images: int = 24_000) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return some images of the official train part, or the whole official test part.

    Args:
        part: ``development`` or ``test``.
        root: Folder that holds torchvision's FashionMNIST.
        images: Number of images of the train part.

    Returns:
        Images, uint8 [n, 28, 28, 1], and labels, int64 [n].
    """
    from trainables import torchvision_ops  # noqa: F401  declares what a CPU build lacks

    from torchvision.datasets import FashionMNIST  # isort: skip

    whole = FashionMNIST(root, train=part == "development")
    pieces, labels = whole.data.numpy()[..., None], whole.targets.numpy()
    rows = np.random.default_rng(SHUFFLE).permutation(len(labels))
    chosen = rows[:images] if part == "development" else rows
    return pieces[chosen], labels[chosen]
