"""The nearest rows are those of a search through all distances."""

import numpy as np
import pytest

from hpo.data import nearest_rows as module
from hpo.data.nearest_rows import nearest_rows


@pytest.mark.parametrize(("n", "columns", "descending"), [(20, 2, False), (900, 5, True), (4000, 30, False)])
def test_they_are_those_of_all_distances(n, columns, descending, monkeypatch):
    monkeypatch.setattr(module, "CELLS", 10_000)  # several blocks
    random = np.random.default_rng(n)
    ours, theirs = random.random((n, columns)), random.random((37, columns))
    if descending:
        ours = ours[np.argsort(-ours[:, 0])]
    theirs[3] = ours[7] + 1e-9
    distances, rows = nearest_rows(ours, theirs, 8)
    every = np.linalg.norm(ours[None] - theirs[:, None], axis=2)
    np.testing.assert_array_equal(rows, np.argsort(every, axis=1)[:, :8])
    np.testing.assert_allclose(distances, np.sort(every, axis=1)[:, :8], rtol=1e-12)
    assert rows[3, 0] == 7


def test_equal_rows_are_found_as_often_as_they_occur():
    ours = np.repeat(np.arange(10.0), 30).reshape(-1, 1)
    distances, rows = nearest_rows(ours, np.array([[4.0]]), 8)
    assert (distances == 0).all()
    assert (ours[rows[0]] == 4).all()
    assert len(set(rows[0])) == 8
