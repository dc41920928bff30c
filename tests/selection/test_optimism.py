import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from hpo.core.objective import Objective
from hpo.selection.evidence import EpochLuck, Evidence
from hpo.selection.intervals import wilson
from hpo.selection.optimism import measure, winner_interval

LAST = Objective("accuracy", "max", "last")
VALUES = {0: 0.90, 1: 0.97, 2: 0.95, 3: 0.94, 4: 0.5, 5: math.nan}
FRESH = {1: [0.93, 0.94, 0.95], 2: [0.95, 0.94, 0.93], 3: [0.92, 0.94, 0.93]}
PLAIN = Evidence(LAST, VALUES, FRESH)


def test_raw_and_fresh_are_those_of_the_trial_with_the_best_score():
    found = measure(PLAIN, winner=2, seed=0)
    assert (found.trial, found.raw) == (1, 0.97)
    assert found.fresh is not None
    assert found.fresh.value == pytest.approx(0.94)
    assert found.fresh.low < 0.94 < found.fresh.high
    assert found.winner.value == pytest.approx(0.94)


def test_the_bootstrap_subtracts_only_the_luck_it_can_estimate():
    found = measure(PLAIN, winner=2, seed=0)
    assert found.bootstrap is not None
    assert 0.92 < found.bootstrap < 0.96
    assert found == measure(PLAIN, winner=2, seed=0)
    assert found.bootstrap != measure(PLAIN, winner=2, seed=1).bootstrap


def test_reversing_the_objective_reverses_every_number():
    def turn(values):
        return {t: [1 - v for v in row] for t, row in values.items()}

    loss = Evidence(Objective("loss", "min", "last"), {t: 1 - v for t, v in VALUES.items()}, turn(FRESH))
    there, back = measure(PLAIN, 2, 0), measure(loss, 2, 0)
    assert back.trial == there.trial
    assert back.fresh is not None
    assert there.fresh is not None
    assert back.bootstrap == pytest.approx(1 - there.bootstrap)
    for a, b in ((there.fresh, back.fresh), (there.winner, back.winner)):
        assert (b.value, b.low, b.high) == pytest.approx((1 - a.value, 1 - a.high, 1 - a.low))


def test_without_observed_luck_nothing_is_subtracted():
    same = replace(PLAIN, replicates={1: [0.96, 0.98], 2: [0.94, 0.96], 3: [0.93, 0.95]})
    assert measure(same, 1, 0).bootstrap == pytest.approx(0.97)


def test_a_final_part_removes_all_luck():
    finals = {t: [v - 0.05 for v in row] for t, row in FRESH.items()}
    found, plain = measure(replace(PLAIN, finals=finals), 2, 0), measure(PLAIN, 2, 0)
    assert found.fresh is not None
    assert found.fresh.value == pytest.approx(0.89)
    assert found.winner.value == pytest.approx(0.89)
    assert found.bootstrap == pytest.approx(plain.bootstrap - 0.05)
    assert found.notes == (
        "the intervals cover other seeds, not other examples: what each contributed was not kept",
    )


def test_the_error_of_the_epoch_s_luck_adds_its_square_to_the_variance_of_the_winner():
    """Three finalists with three seeds of variance 1e-4; half of it pooled: 4 degrees of freedom."""
    found = winner_interval(replace(PLAIN, luck=EpochLuck(0.0, 0.004)), 2)
    seeds, total = 1e-4 / 3, 1e-4 / 3 + 0.004**2
    half = stats.t.ppf(0.975, total**2 / (seeds**2 / 4)) * math.sqrt(total)
    assert (found.high - found.low) / 2 == pytest.approx(half)
    final = replace(PLAIN, luck=EpochLuck(0.0, 0.004), finals=FRESH)
    assert winner_interval(final, 2) == winner_interval(replace(PLAIN, finals=FRESH), 2)


def test_the_luck_of_the_epoch_is_subtracted_from_both_estimates():
    best = replace(PLAIN, objective=Objective("accuracy", "max", "best"))
    plain, found = measure(best, 2, 0), measure(replace(best, luck=EpochLuck(0.01)), 2, 0)
    assert found.fresh is not None
    assert plain.fresh is not None
    assert found.fresh.value == pytest.approx(plain.fresh.value - 0.01)
    assert found.bootstrap == pytest.approx(plain.bootstrap - 0.01)
    assert any("best epoch" in note and "left in" in note for note in plain.notes)
    assert any("best epoch" in note and "0.01" in note for note in found.notes)
    # The winner's plain mean stays what it is, and its interval reaches lower.
    assert found.winner.value == plain.winner.value
    assert found.winner.low == pytest.approx(plain.winner.low - 0.01)


def test_luck_with_the_examples_scales_both_corrections_up_to_a_limit():
    rng = np.random.default_rng(0)

    def contributions(own):
        rows = {t: rng.standard_normal(300) * own for t in FRESH}
        return {
            t: np.array(FRESH[t])[:, None] + rows[t] + rng.standard_normal((3, 300)) * 0.15 for t in FRESH
        }

    found = measure(replace(PLAIN, examples=contributions(0.1)), 2, 0)
    assert found.fresh is not None
    assert found.fresh.value < 0.935
    assert found.bootstrap < measure(PLAIN, 2, 0).bootstrap - 0.003
    refused = measure(replace(PLAIN, examples=contributions(1.0)), 2, 0)
    assert refused.fresh is None
    assert refused.bootstrap is None
    assert "separate final part" in refused.notes[0]


@pytest.mark.parametrize(
    ("fresh", "fresh_there", "note"),
    [
        ({2: [0.95, 0.94], 3: [0.9, 0.91]}, False, "trial 1 has the best score and no fresh seed"),
        ({1: [0.95], 2: [0.94]}, True, "needs a finalist with two fresh seeds"),
        ({1: [0.95, 0.95], 2: [0.94, 0.94]}, True, "fresh seeds change nothing"),
    ],
)
def test_unavailable_estimates_are_left_out_with_the_reason(fresh, fresh_there, note):
    found = measure(replace(PLAIN, replicates=fresh), 2, 0)
    assert (found.fresh is not None) == fresh_there
    assert (found.bootstrap is None) == fresh_there
    assert any(note in text for text in found.notes)


def test_failed_trainings_have_no_value():
    fresh = FRESH | {2: [0.95, math.nan, 0.93], 3: [math.nan, math.nan, math.inf]}
    found = measure(replace(PLAIN, replicates=fresh), 2, 0)
    assert found.winner.value == pytest.approx(0.94)
    with pytest.raises(ValueError, match="winner 3"):
        measure(replace(PLAIN, replicates=fresh), 3, 0)
    with pytest.raises(ValueError, match="at least one finite"):
        measure(replace(PLAIN, values={1: math.nan}), 1, 0)


def test_the_interval_of_the_winner_covers_seeds_examples_or_both():
    one = {1: [0.9]}
    assert math.isnan(winner_interval(replace(PLAIN, replicates=one), 1).low)
    alone = winner_interval(replace(PLAIN, replicates=one, n=100), 1)
    assert (alone.low, alone.high) == pytest.approx((wilson(0.9, 100).low, wilson(0.9, 100).high))
    seeds = winner_interval(PLAIN, 1)
    assert seeds.method == "t over seeds, for these examples"
    both = winner_interval(replace(PLAIN, n=100), 1)
    assert both.high - both.low > seeds.high - seeds.low
    perfect = winner_interval(replace(PLAIN, replicates={1: [1.0, 1.0]}, n=100), 1)
    assert perfect.low < 0.99


def test_a_winner_among_equals_is_shrunk_and_one_far_ahead_is_not():
    def centre(fresh):
        found = winner_interval(replace(PLAIN, replicates=fresh), 1)
        return (found.low + found.high) / 2 - found.value

    rest = {2: [0.93, 0.95, 0.94], 3: [0.94, 0.93, 0.95]}
    assert centre({1: [0.94, 0.96, 0.95]} | rest) < -0.001
    assert centre({1: [1.94, 1.96, 1.95]} | rest) == pytest.approx(0.0, abs=1e-4)
    assert centre({1: [0.94, 0.96, 0.95]}) == 0.0


def test_an_error_of_wildly_different_seeds_is_neither_below_zero_nor_below_all_that_was_measured():
    rng = np.random.default_rng(5)
    rows = {trial: 5 * rng.chisquare(1, 40) + 0.2 * rng.chisquare(1, (2, 40)) for trial in (0, 1)}
    rows[0] += np.array([[0.0], [4.0]])
    fresh = {trial: [float(row.mean()) for row in kept] for trial, kept in rows.items()}
    wild = Evidence(Objective("mse", "min", "last"), {0: 40.0, 1: fresh[1][0]}, fresh, examples=rows)
    found = measure(wild, 0, 0)
    assert found.corrected.value == min(*fresh[0], *fresh[1])
    assert 0 <= found.corrected.low < found.corrected.high


def test_an_objective_with_negative_values_keeps_its_interval_below_zero():
    values = {0: -0.1, 1: 0.3}
    found = measure(
        Evidence(Objective("log_ratio", "min", "last"), values, {0: [-0.2, 0.3], 1: [0.2, 0.5]}), 0, 0
    )
    assert found.winner.low < -0.2


def test_seeds_that_change_nothing_give_no_interval_instead_of_one_without_width():
    fixed = Evidence(Objective("loss", "min", "last"), {0: 0.2, 1: 0.3}, {0: [0.2, 0.2], 1: [0.3, 0.3]})
    found = measure(fixed, 0, 0)
    for each in (found.winner, found.corrected, found.fresh):
        assert each is not None
        assert math.isnan(each.low)
        assert math.isnan(each.high)
        assert each.method.startswith("no interval: the seeds change nothing")
