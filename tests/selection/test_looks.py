import math

import numpy as np
import pytest

from hpo.selection.intervals import level_of_look, wilson
from hpo.selection.looks import restated


@pytest.mark.parametrize(("share", "n"), [(0.8, 50), (0.97, 360), (1.0, 20), (0.0, 1000)])
def test_a_restated_share_has_the_interval_of_the_other_level(share, n):
    issued, wanted = wilson(share, n, 0.95), wilson(share, n, 0.99)
    low, high = restated(share, issued.low, issued.high, 0.95, 0.99)
    assert (low, high) == pytest.approx((wanted.low, wanted.high), abs=1e-6)


def test_other_intervals_grow_by_the_quantile_and_missing_ones_stay_missing():
    low, high = restated(2.0, 1.0, 5.0, 0.95, 0.975)
    assert ((2.0 - low) / 1.0, (high - 2.0) / 3.0) == pytest.approx([2.2414 / 1.96] * 2, rel=1e-4)
    assert all(math.isnan(end) for end in restated(2.0, math.nan, math.nan, 0.95, 0.99))
    assert restated(0.5, 0.4, 0.6, 0.95, 0.95) == (0.4, 0.6)


@pytest.mark.parametrize("looks", [2, 10])
def test_all_looks_restated_hold_together(looks):
    rng, runs, together, issued = np.random.default_rng(looks), 1500, 0, 0
    for _ in range(runs):
        scores = rng.binomial(300, 0.85, looks) / 300
        first = [wilson(score, 300, level_of_look(k)) for k, score in enumerate(scores, 1)]
        issued += all(one.low <= 0.85 <= one.high for one in first)
        ends = [restated(i.value, i.low, i.high, i.level, level_of_look(looks)) for i in first]
        together += all(low <= 0.85 <= high for low, high in ends)
    assert together / runs > 0.95 - 2.5 * (0.95 * 0.05 / runs) ** 0.5
    assert issued < together
