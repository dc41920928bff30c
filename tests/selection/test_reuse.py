"""What earlier searches on the same rows may have added to a winner's score."""

import math

import numpy as np
import pytest

from hpo.core.objective import Objective
from hpo.selection.evidence import Evidence
from hpo.selection.optimism import measure
from hpo.selection.reuse import Reuse, expected_best, width_of


@pytest.mark.parametrize("count", [2, 10, 100])
def test_the_expected_best_is_that_of_simulated_normal_values(count):
    drawn = np.random.default_rng(0).standard_normal((20_000, count)).max(axis=1)
    assert expected_best(count) == pytest.approx(
        drawn.mean(), abs=4 * drawn.std() / math.sqrt(len(drawn)) + 0.01
    )


def test_without_earlier_searches_none_of_their_luck_is_subtracted():
    assert Reuse(20, 0).luck(0.1) == Reuse().luck(0.1) == expected_best(1) == 0
    assert 0 < Reuse(20, 20).luck(0.1) < Reuse(20, 200).luck(0.1) < Reuse(2, 200).luck(0.1)


def test_the_width_of_a_share_follows_from_its_rows_where_nothing_else_is_known():
    assert width_of(0.0, 0.0, 0.9, 100) == pytest.approx(0.03)
    assert width_of(0.0, 0.0, 1.0, 100) == pytest.approx(0.01)
    assert width_of(0.0004, 0.01, 0.9, 100) == pytest.approx(0.02)
    assert math.isnan(width_of(0.0, 0.0, 12.5, 0))


def evidence(reuse, n=500, mode="max"):
    values = {0: 0.91, 1: 0.90, 2: 0.89}
    replicates = {0: [0.90, 0.905, 0.895], 1: [0.89, 0.9, 0.885]}
    return Evidence(Objective("accuracy", mode), values, replicates, n=n, reuse=reuse)


@pytest.mark.parametrize(("mode", "sign"), [("max", -1), ("min", 1)])
def test_the_winners_estimate_allows_for_all_trials_on_these_rows(mode, sign):
    alone, after = (measure(evidence(Reuse(3, others), mode=mode), 0, 0) for others in (0, 60))
    width = math.sqrt(alone.winner.value * (1 - alone.winner.value) / 500)
    luck = Reuse(3, 60).luck(width)
    assert after.winner.value == alone.winner.value
    assert after.corrected.value - alone.corrected.value == pytest.approx(sign * luck)
    assert after.corrected.low <= after.winner.value <= after.corrected.high
    assert any("subtracted for what earlier searches" in note for note in after.notes)
    assert not any("earlier searches" in note for note in alone.notes)


def test_a_score_of_unknown_noise_says_that_the_luck_of_earlier_searches_is_left_in():
    alone, after = (measure(evidence(Reuse(3, others), n=0), 0, 0) for others in (0, 60))
    assert after.corrected == alone.corrected
    assert any("earlier searches on these rows learnt about them is left in" in note for note in after.notes)
