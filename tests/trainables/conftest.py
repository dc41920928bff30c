"""Small data."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from hpo.core.trainable import DataInfo, Examples


@pytest.fixture(scope="session")
def digits() -> tuple[Examples, Examples]:
    """300 training and 200 validation images of digits, 8 x 8."""
    found = load_digits()
    images = (found.images * (255 / 16)).astype(np.uint8)[..., None]
    info = DataInfo("image", "classification", (8, 8, 1), tuple("0123456789"))
    order = np.random.default_rng(0).permutation(len(images)).astype(np.int64)
    labels = found.target.astype(np.int64)
    return Examples(images, labels, order[:300], info), Examples(images, labels, order[300:500], info)
