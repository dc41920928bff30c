"""A line with exact errors: the same numbers on every machine."""

import numpy as np


def line(part, examples=90):
    shift = 0.0 if part == "development" else 1 / 256
    positions = [(37 * row % 101) / 101 - 0.5 + shift for row in range(examples)]
    errors = [(53 * row % 17 - 8) / 64 for row in range(examples)]
    targets = [2 * x + 0.25 + error for x, error in zip(positions, errors, strict=True)]
    return np.array(positions, dtype="float64")[:, None], np.array(targets)
