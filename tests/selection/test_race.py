import math

import numpy as np
import pytest
from scipy import stats

from hpo.core.errors import NoTrialSucceeded
from hpo.core.objective import Objective
from hpo.selection.race import FoldRun, Race, RaceDecision

MAX, MIN = Objective("accuracy", "max"), Objective("loss", "min")


def race_of(costs, objective, **choices):
    return Race(costs, objective, **{"alpha": 0.05, "margin": 0.0, "prefer": "best"} | choices)


def play(race, table):
    """Run a race on a table of trial -> value per seed; return its decision and the batches it requested."""
    values, batches = {}, []
    while not isinstance(step := race.next(values), RaceDecision):
        batches.append(step)
        values |= {run: table[run.trial][run.replicate - 1] for run in step}
    return step, batches


def noisy(rng, means, most, width=1.0):
    return {t: mean + width * rng.standard_normal(most) for t, mean in enumerate(means)}


def test_every_finalist_trains_on_the_same_seeds_before_the_first_stage():
    race = race_of({4: 1.0, 7: 1.0}, MAX, most=5, least=3)
    first = race.next({})
    assert set(first) == {FoldRun(t, r) for t in (4, 7) for r in (1, 2, 3)}
    assert race.next({first[0]: 0.5}) == first[1:]


def test_a_clear_loser_is_dropped_at_the_first_stage_and_its_seeds_are_saved():
    table = {1: [0.90, 0.91, 0.92, 0.9, 0.9], 2: [0.50, 0.511, 0.521, 0.5, 0.5]}
    decision, batches = play(race_of({1: 9.0, 2: 1.0}, MAX, most=5), table)
    assert decision.winner == 1
    assert decision.tied == (1,)
    assert len(batches) == 1
    assert (decision.used, decision.saved) == (6, 4)
    assert (decision.spread.n, decision.spread.mean) == (3, pytest.approx(0.91))
    assert "behind trial 1" in decision.dropped[2]
    assert "4 of 10 trainings saved" in decision.reason


def test_the_objective_decides_the_direction():
    table = {1: [0.90, 0.91, 0.92], 2: [0.50, 0.511, 0.521]}
    decision, _ = play(race_of({1: 1.0, 2: 1.0}, MIN, most=3), table)
    assert decision.winner == 2
    assert decision.spread.mean == pytest.approx(np.mean(table[2]))


@pytest.mark.parametrize(("prefer", "winner"), [("best", 1), ("cheapest", 2), ("steadiest", 3)])
def test_a_tie_goes_to_the_one_that_the_spec_prefers(prefer, winner):
    table = {1: [0.90, 0.95, 0.85], 2: [0.95, 0.83, 0.9], 3: [0.89, 0.88, 0.90]}
    decision, _ = play(race_of({1: 5.0, 2: 1.0, 3: 5.0}, MAX, most=3, prefer=prefer), table)
    assert decision.winner == winner
    assert set(decision.tied) == {1, 2, 3}
    first, second = sorted({1, 2, 3} - {winner})
    assert f"tie with trial {first} (" in decision.reason
    assert f"), {second} (" in decision.reason
    assert prefer in decision.reason
    assert decision.saved == 0


@pytest.mark.parametrize(
    ("prefer", "costs", "second"),
    [
        ("best", (2.0, 1.0), (1.0, 0.5, 0.75)),  # the same mean: the cheaper one
        ("cheapest", (1.0, 1.0), (1.0, 0.75, 0.625)),  # the same cost: the better mean
        ("steadiest", (2.0, 1.0), (1.0, 0.5, 0.75)),  # the same spread: the cheaper one
        ("steadiest", (1.0, 1.0), (1.125, 0.625, 0.875)),  # and the same cost: the better mean
    ],
)
@pytest.mark.parametrize("objective", [MAX, MIN])
def test_what_is_preferred_being_equal_the_next_merit_decides_and_not_the_order(
    prefer, costs, second, objective
):
    rows = {1: (0.5, 0.75, 1.0), 2: second}
    table = {trial: [objective.rising(value) for value in row] for trial, row in rows.items()}
    decision, _ = play(race_of({1: costs[0], 2: costs[1]}, objective, most=3, prefer=prefer), table)
    assert (decision.winner, set(decision.tied)) == (2, {1, 2})


def test_a_margin_declares_a_tie_as_soon_as_all_are_surely_within_it():
    rng = np.random.default_rng(0)
    table = noisy(rng, [0.9, 0.9, 0.9], 10, 0.002)
    early, _ = play(race_of(dict.fromkeys(range(3), 1.0), MAX, most=10, margin=0.05), table)
    late, _ = play(race_of(dict.fromkeys(range(3), 1.0), MAX, most=10), table)
    assert len(early.tied) == len(late.tied) == 3
    assert early.saved > 0
    assert late.saved == 0


def test_folds_of_a_seed_count_as_one_value():
    race = race_of({1: 1.0, 2: 1.0}, MAX, most=3, folds=2)
    runs = race.next({})
    assert len(runs) == 2 * 3 * 2
    level = {1: 0.9, 2: 0.5}
    values = {run: level[run.trial] + 0.1 * run.fold + 0.01 * run.replicate * run.trial for run in runs}
    decision = race.next(values)
    assert isinstance(decision, RaceDecision)
    assert decision.spread.n == 3
    assert decision.spread.mean == pytest.approx(0.95 + 0.02)
    assert decision.winner == 1


def test_a_finalist_that_fails_on_a_fresh_seed_is_dropped_for_it():
    table = {1: [0.99, math.nan, 0.99], 2: [0.5, 0.6, 0.4], 3: [0.45, 0.65, 0.5]}
    decision, _ = play(race_of({1: 1.0, 2: 1.0, 3: 2.0}, MAX, most=3, prefer="cheapest"), table)
    assert decision.winner == 2
    assert decision.dropped[1] == "failed on 1 of 3 fresh seeds"


@pytest.mark.parametrize(
    ("table", "choices", "reason"),
    [
        ({1: [0.9]}, {"most": 1}, "Trial 1, mean 0.9000 over 1 fresh seed, was the only finalist."),
        ({1: [0.9, 0.8]}, {"most": 2}, "Trial 1, mean 0.8500 over 2 fresh seeds, was the only finalist."),
        (
            {1: [0.9, math.nan], 2: [0.7, 0.8]},
            {"most": 2},
            "Trial 2, mean 0.7500 over 2 fresh seeds, is the only one left; trial 1 failed on 1 of 2 fresh "
            "seeds; sequential paired t-tests, P(best is dropped) <= 0.05.",
        ),
        (
            {1: [0.8, 0.9], 2: [0.9, 0.7]},
            {"most": 2},
            "Trial 1, mean 0.8500 over 2 fresh seeds, wins a tie with trial 2 (0.8000) as the best (highest "
            "mean); sequential paired t-tests, P(best is dropped) <= 0.05.",
        ),
        (
            {1: [0.8, 0.9], 2: [0.9, 0.7]},
            {"most": 2, "prefer": "cheapest"},
            "Trial 2, mean 0.8000 over 2 fresh seeds, wins a tie with trial 1 (0.8500) as the cheapest (cost "
            "0.5); sequential paired t-tests, P(best is dropped) <= 0.05.",
        ),
        (
            {1: [0.8, 0.9], 2: [0.9, 0.6]},
            {"most": 2, "prefer": "steadiest"},
            "Trial 1, mean 0.8500 over 2 fresh seeds, wins a tie with trial 2 (0.7500) as the steadiest "
            "(spread 0.071); sequential paired t-tests, P(best is dropped) <= 0.05.",
        ),
    ],
)
def test_the_reason_is_one_sentence(table, choices, reason):
    costs = {1: 1.0, 2: 0.5}
    decision, _ = play(race_of({trial: costs[trial] for trial in table}, MAX, **choices), table)
    assert decision.reason == reason


def test_if_all_fail_equally_often_the_remaining_values_decide():
    table = {1: [0.9, math.nan, 0.8], 2: [0.5, 0.6, math.nan]}
    decision, _ = play(race_of({1: 1.0, 2: 2.0}, MAX, most=3), table)
    assert (decision.winner, decision.spread.n) == (1, 2)
    with pytest.raises(NoTrialSucceeded, match="every training"):
        play(race_of({1: 1.0, 2: 1.0}, MAX, most=3), {1: [math.nan] * 3, 2: [math.inf] * 3})


def test_equal_differences_of_varying_values_are_not_certainty():
    table = {1: [0.50, 0.60, 0.70], 2: [0.40, 0.50, 0.60]}
    exact = {t: [round(v * 8) / 8 for v in row] for t, row in table.items()}
    exact[2] = [v - 0.125 for v in exact[1]]
    decision, _ = play(race_of({1: 1.0, 2: 1.0}, MAX, most=3), exact)
    assert set(decision.tied) == {1, 2}


def test_constant_values_are_separated():
    decision, _ = play(race_of({1: 9.0, 2: 1.0}, MAX, most=5), {1: [0.75] * 5, 2: [0.5] * 5})
    assert decision.winner == 1
    assert decision.saved == 4


def test_a_lone_finalist_trains_its_first_seeds_and_wins():
    decision, batches = play(race_of({3: 1.0}, MAX, most=5), {3: [0.5, 0.6, 0.7, 0.8, 0.9]})
    assert (decision.winner, decision.spread.n, len(batches)) == (3, 3, 1)
    assert "was the only finalist" in decision.reason


def test_fewer_seeds_than_the_first_stage_are_all_used():
    decision, _ = play(race_of({1: 1.0, 2: 1.0}, MAX, most=1), {1: [0.9], 2: [0.8]})
    assert set(decision.tied) == {1, 2}
    assert math.isnan(decision.spread.std)


def test_the_error_spent_over_all_stages_and_comparisons_is_alpha():
    race = race_of(dict.fromkeys(range(4), 1.0), MAX, most=9, alpha=0.1)
    assert sum(3 * race.level(k) for k in race.stages) == pytest.approx(0.1)


def test_the_test_is_the_paired_t_test():
    a, b = [0.3, 0.5, 0.9, 0.2], [0.1, 0.4, 0.5, 0.15]
    p = stats.ttest_rel(a, b, alternative="greater").pvalue
    for alpha, tied in ((p * 0.99, 2), (p * 1.01, 1)):
        race = race_of({1: 1.0, 2: 1.0}, MAX, most=4, least=4, alpha=alpha)
        assert len(play(race, {1: a, 2: b})[0].tied) == tied


@pytest.mark.parametrize("seed", range(5))
def test_a_replay_in_any_order_ends_the_same_and_requests_nothing_twice(seed):
    rng = np.random.default_rng(seed)
    table = noisy(rng, [0.0, -2.0, -4.0], 8)
    race = race_of(dict.fromkeys(range(3), 1.0), MAX, most=8)
    decision, batches = play(race, table)
    requested = [run for batch in batches for run in batch]
    assert len(set(requested)) == len(requested) == decision.used
    values = {}
    for run in requested:
        step = race.next(values)
        assert not isinstance(step, RaceDecision)
        assert run in step
        values[run] = table[run.trial][run.replicate - 1]
    shuffled = {requested[i]: values[requested[i]] for i in rng.permutation(len(requested))}
    assert race.next(shuffled) == decision


def test_values_it_did_not_request_change_nothing():
    table = {1: [0.90, 0.91, 0.92], 2: [0.50, 0.511, 0.521]}
    race = race_of({1: 1.0, 2: 1.0}, MAX, most=5)
    decision, _ = play(race, table)
    values = {FoldRun(t, r): row[r - 1] for t, row in table.items() for r in (1, 2, 3)}
    assert race.next(values | {FoldRun(2, 4): 99.0, FoldRun(8, 1): 99.0}) == decision


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"costs": {}}, "a race needs a finalist"),
        ({"most": 0}, "most, least and folds are at least 1"),
        ({"least": 0}, "most, least and folds are at least 1"),
        ({"folds": 0}, "most, least and folds are at least 1"),
        ({"alpha": 0.0}, r"expected alpha in \(0, 1\) and margin >= 0, got 0.0, 0.0"),
        ({"alpha": 1.0}, r"expected alpha in \(0, 1\) and margin >= 0, got 1.0, 0.0"),
        ({"margin": -1}, r"expected alpha in \(0, 1\) and margin >= 0, got 0.05, -1"),
        ({"margin": math.nan}, r"expected alpha in \(0, 1\) and margin >= 0, got 0.05, nan"),
    ],
)
def test_an_invalid_race_is_refused(wrong, words):
    with pytest.raises(ValueError, match=words):
        race_of(**({"costs": {1: 1.0}, "objective": MAX, "most": 3} | wrong))


def test_the_best_finalist_is_dropped_with_at_most_the_stated_probability():
    rng = np.random.default_rng(1)
    race = race_of({0: 1.0, 1: 1.0}, MAX, most=4, alpha=0.2)
    lost = sum(0 in play(race, noisy(rng, [0.0, 0.0], 4))[0].dropped for _ in range(1000))
    # Binomial(1000, 0.2) exceeds 235 in less than 1 of 300 runs; a test without power drops none.
    assert 50 <= lost <= 235


def test_a_race_between_unequal_finalists_ends_early_with_the_best():
    rng = np.random.default_rng(2)
    race = race_of(dict.fromkeys(range(3), 1.0), MAX, most=8)
    decisions = [play(race, noisy(rng, [0.0, -6.0, -6.0], 8))[0] for _ in range(100)]
    assert sum(v.winner == 0 for v in decisions) == 100
    assert sum(v.saved for v in decisions) >= 0.35 * 100 * 24
