"""Laws of intervals, for any data: nested levels, mirrored shares, changed units, rows in any order."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.trainable import Metric
from hpo.metrics.row_blocks import RowBlocks
from hpo.selection.intervals import examples_needed, level_of_look, mean_interval, wilson
from hpo.selection.score_intervals import score_intervals
from trainables import scores

LEVELS = st.tuples(st.floats(0.5, 0.999), st.floats(0.5, 0.999)).map(sorted)
COUNTS = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
VALUES = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=20)
METRICS = (Metric("accuracy", "max", proportion=True),)


def close(value):
    return pytest.approx(value, rel=1e-7, abs=1e-9)


@given(counts=COUNTS, levels=LEVELS)
def test_a_higher_level_never_narrows_the_interval_of_a_share(counts, levels):
    k, n = counts
    low, high = (wilson(k / n, n, level) for level in levels)
    assert high.low <= low.low <= k / n <= low.high <= high.high


@given(counts=COUNTS)
def test_the_share_of_the_others_has_the_mirrored_interval(counts):
    k, n = counts
    one, other = wilson(k / n, n), wilson((n - k) / n, n)
    assert (1 - other.high, 1 - other.low) == close((one.low, one.high))


@given(n=st.integers(1, 2000), more=st.integers(1, 2000), share=st.floats(0, 1))
def test_more_rows_never_widen_the_interval_of_a_share(n, more, share):
    few, many = wilson(share, n), wilson(share, n + more)
    assert many.high - many.low <= few.high - few.low + 1e-12


@given(share=st.floats(0, 1), half=st.floats(0.01, 0.4))
def test_the_rows_needed_are_the_fewest_that_suffice(share, half):
    n = examples_needed(share, half)
    assert wilson(share, n).high - wilson(share, n).low <= 2 * half
    assert n == 1 or wilson(share, n - 1).high - wilson(share, n - 1).low > 2 * half


@given(values=VALUES, scale=st.floats(1e-3, 1e3), shift=st.floats(-1e3, 1e3))
def test_a_mean_over_seeds_follows_a_change_of_units(values, scale, shift):
    before, after = mean_interval(values), mean_interval([scale * value + shift for value in values])
    span = 1e-9 * (1 + scale * max(map(abs, values)) + abs(shift))
    assert (after.low, after.value, after.high) == pytest.approx(
        tuple(scale * end + shift for end in (before.low, before.value, before.high)), rel=1e-6, abs=span
    )


@given(values=VALUES, levels=LEVELS)
def test_a_higher_level_never_narrows_the_interval_over_seeds(values, levels):
    low, high = (mean_interval(values, level) for level in levels)
    assert high.low <= low.low <= low.high <= high.high


@given(look=st.integers(1, 50))
def test_levels_of_looks_spend_one_error_between_them(look):
    assert look * (1 - level_of_look(look)) == close(0.05)


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), n=st.integers(6, 40), scale=st.sampled_from([0.125, 8.0, 1024.0]))
def test_errors_in_other_units_have_the_interval_in_those_units(seed, n, scale):
    random = np.random.default_rng(seed)
    outputs, targets = random.normal(size=n), random.normal(size=n)
    before = score_intervals(scores.regression, (), outputs, targets, 0)["mean_absolute_error"]
    after = score_intervals(scores.regression, (), scale * outputs, scale * targets, 0)["mean_absolute_error"]
    assert (after.low, after.value, after.high) == pytest.approx(
        (scale * before.low, scale * before.value, scale * before.high), rel=1e-4
    )


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32), n=st.integers(8, 40), groups=st.booleans())
def test_the_order_of_rows_changes_no_interval_that_is_computed_without_draws(seed, n, groups):
    random = np.random.default_rng(seed)
    outputs, targets = random.normal(size=(n, 2)), np.arange(n) % 2
    group = random.integers(0, 4, n)
    order = random.permutation(n)

    def accuracy(rows):
        blocks = RowBlocks.of(n, group[rows]) if groups else RowBlocks.independent(n)
        return score_intervals(
            scores.classification, METRICS, outputs[rows], targets[rows], 0, blocks=blocks
        )["accuracy"]

    before, after = accuracy(np.arange(n)), accuracy(order)
    assert (after.low, after.value, after.high) == close((before.low, before.value, before.high))
    assert math.isfinite(before.low)
    assert before.high > before.low
