"""Rows within a distance are those of a search through all distances, whatever the data looks like."""

import numpy as np
import pytest

from hpo.data import close_rows as module
from hpo.data.close_rows import close_rows


def drawn(shape: str, n: int, columns: int, random: np.random.Generator) -> np.ndarray:
    rows = random.random((n, columns))
    if shape == "gaps":
        rows[random.random(rows.shape) < 0.3] = -1
    if shape == "few values":
        rows = rows.round(1)
    if shape == "mostly one value":
        rows[random.random(rows.shape) < 0.9] = 0
    if shape == "one column varies":
        rows[:, 1:] = 0.5
    return rows


@pytest.mark.parametrize("least", [0, 10**9])
@pytest.mark.parametrize("limit", [1e-6, 0.02, 0.1, 0.5, 2.0])
@pytest.mark.parametrize("columns", [1, 2, 7])
@pytest.mark.parametrize("shape", ["plain", "gaps", "few values", "mostly one value", "one column varies"])
def test_they_are_those_of_all_distances(shape, columns, limit, least, monkeypatch):
    monkeypatch.setattr(module, "LEAST", least)
    monkeypatch.setattr(module, "BLOCK", 1000)  # several blocks
    monkeypatch.setattr(module, "FEW", 3)
    random = np.random.default_rng(columns)
    ours, theirs = drawn(shape, 700, columns, random), drawn(shape, 90, columns, random)
    theirs[:9] = np.clip(ours[:9] + random.normal(0, limit / 10, (9, columns)), -1, 1)
    every = np.linalg.norm(ours[None] - theirs[:, None], axis=2)
    np.testing.assert_array_equal(close_rows(ours, theirs, limit), (every < limit).any(axis=1))


def test_none_are_close_without_rows_or_a_distance():
    rows = np.zeros((3, 2))
    assert not close_rows(rows, rows, 0.0).any()
    assert not close_rows(rows[:0], rows, 1.0).any()
    assert close_rows(rows, rows[:0], 1.0).shape == (0,)


def test_most_pairs_are_excluded_without_a_comparison():
    random = np.random.default_rng(1)
    ours, theirs = random.random((5000, 20)), random.random((500, 20))
    _, _, counts = module._ranges(ours, theirs, 0.05)
    assert counts.sum() < 0.03 * 5000 * 500
