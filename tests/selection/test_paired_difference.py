"""A difference covers other rows and other seeds, also where rows belong together."""

import math

import numpy as np
import pytest

from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.intervals import mean_interval
from hpo.selection.paired_difference import paired_difference


def drawn(rng, seeds, n, groups, within):
    """Contributions [seeds, n] to a difference whose expectation is 0.3."""
    shared = np.repeat(rng.standard_normal(groups), n // groups) if groups else 0.0
    row = math.sqrt(within) * shared + math.sqrt(1 - within) * rng.standard_normal(n)
    seed = 0.05 * rng.standard_normal((seeds, 1))
    return 0.3 + row + seed + rng.standard_normal((seeds, n))


@pytest.mark.parametrize(("groups", "within"), [(0, 0.0), (20, 0.3), (40, 0.5)])
def test_intervals_cover_the_true_difference(groups, within):
    rng, held, narrow, runs = np.random.default_rng(groups), 0, 0, 600
    blocks = RowBlocks.of(400, np.repeat(np.arange(groups), 400 // groups) if groups else None)
    for _ in range(runs):
        rows = drawn(rng, 5, 400, groups, within)
        differences = rows.mean(1).tolist()
        found, seeds = paired_difference(differences, rows, blocks), mean_interval(differences)
        held += found.low <= 0.3 <= found.high
        narrow += seeds.low <= 0.3 <= seeds.high
    assert 0.93 - 2 * (0.95 * 0.05 / runs) ** 0.5 <= held / runs <= 0.99
    assert narrow < held


def test_seeds_that_agree_by_luck_leave_the_variance_of_the_rows():
    rows = np.zeros((2, 288))
    rows[0, 0] = rows[1, 1] = 1.0  # one more row is right on each seed, not the same one
    found = paired_difference(rows.mean(1).tolist(), rows)
    row_by_row = mean_interval(rows.mean(0).tolist())
    assert (found.low, found.high) == pytest.approx((row_by_row.low, row_by_row.high), rel=0.02)
    assert found.low < 0 < found.value


def test_few_seeds_of_a_rare_difference_are_not_called_different():
    rng, missed, runs = np.random.default_rng(3), 0, 1_000
    for _ in range(runs):
        rows = rng.choice([-1.0, 0.0, 1.0], size=(2, 288), p=[0.01, 0.98, 0.01])
        found = paired_difference(rows.mean(1).tolist(), rows)
        missed += not found.low <= 0 <= found.high
    assert missed / runs <= 0.05 + 2 * (0.95 * 0.05 / runs) ** 0.5


def test_without_rows_the_interval_is_over_seeds():
    values = [0.1, 0.2, 0.3]
    assert paired_difference(values) == mean_interval(values)
    assert paired_difference(values, np.ones((2, 5))) == mean_interval(values)


def test_one_seed_has_an_interval_over_rows_named_as_such():
    rows = np.random.default_rng(0).standard_normal((1, 50))
    found = paired_difference([float(rows.mean())], rows)
    assert found.method == "t over examples, for one seed"
    assert found.low < found.value < found.high
