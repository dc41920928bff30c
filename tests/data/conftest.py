from collections.abc import Callable

import numpy as np
import pytest

Scenes = Callable[[int], np.ndarray]


def draw_scenes(n: int) -> np.ndarray:
    """Pictures with the spectrum of photographs: random fields that fall off with frequency."""
    random = np.random.default_rng(0)
    across, down = np.meshgrid(np.fft.fftfreq(32), np.fft.fftfreq(32))
    fall = 1 / np.maximum(np.hypot(across, down), 1 / 32) ** 1.3
    fields = np.fft.ifft2(fall * np.fft.fft2(random.normal(size=(n, 3, 32, 32)))).real
    shared = fields.mean(axis=1, keepdims=True)
    fields = shared + 0.4 * (fields - shared)
    fields = fields / fields.std(axis=(1, 2, 3), keepdims=True)
    return np.clip(128 + 50 * fields, 0, 255).astype(np.uint8).transpose(0, 2, 3, 1)


@pytest.fixture
def scenes() -> Scenes:
    return draw_scenes
