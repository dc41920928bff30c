import math

import pytest

from hpo.core.events import End
from hpo.core.objective import Objective
from hpo.core.training_state import Training
from hpo.selection.ranking import Finalist, by_value, name_winner

MAX, MIN = Objective("accuracy", "max"), Objective("loss", "min")


def trial(number, value, end=End.FINISHED):
    return Training(number, 0, {}, {}, 0, "sampler", value=value, end=end)


def test_fully_trained_trials_are_ranked_best_first_and_ties_by_age():
    trials = [
        trial(0, 0.5),
        trial(1, 0.9, End.STOPPED),
        trial(2, 0.7),
        trial(3, 0.7),
        trial(4, math.nan),
        trial(5, 0.99, End.FAILED),
        trial(6, 0.98, None),
    ]
    assert [t.trial for t in by_value(trials, MAX)] == [2, 3, 0]
    assert [t.trial for t in by_value(trials, MIN)] == [0, 2, 3]


def test_the_best_mean_wins_and_the_winner_carries_its_spread():
    winner = name_winner([Finalist(1, (0.80, 0.82), 1.0), Finalist(2, (0.90, 0.92), 9.0)], MAX)
    assert winner is not None
    assert (winner.trial, winner.n) == (2, 2)
    assert winner.mean == pytest.approx(0.91)
    assert winner.std == pytest.approx(math.sqrt(2) * 0.01)
    assert "best mean" in winner.reason


@pytest.mark.parametrize(
    ("objective", "values"), [(MAX, ((0.90, 0.92), (0.89, 0.911))), (MIN, ((0.10, 0.12), (0.112, 0.112)))]
)
def test_a_cheaper_one_within_one_standard_error_wins(objective, values):
    winner = name_winner([Finalist(1, values[0], 5.0), Finalist(2, values[1], 1.0)], objective)
    assert winner is not None
    assert winner.trial == 2
    assert "cheapest" in winner.reason
    assert "trial 1" in winner.reason


def test_a_cheaper_one_just_beyond_one_standard_error_loses():
    winner = name_winner([Finalist(1, (0.90, 0.92), 5.0), Finalist(2, (0.8999, 0.8999), 1.0)], MAX)
    assert winner is not None
    assert winner.trial == 1


def test_a_more_expensive_one_within_one_standard_error_changes_nothing():
    winner = name_winner([Finalist(1, (0.90, 0.92), 5.0), Finalist(2, (0.905, 0.911), 6.0)], MAX)
    assert winner is not None
    assert winner.trial == 1
    assert "not cheaper" in winner.reason


@pytest.mark.parametrize("listed", [(1, 2), (2, 1)])
def test_of_two_that_cost_the_same_the_better_mean_wins_in_either_order(listed):
    values = {1: (0.895, 0.905), 2: (0.90, 0.92)}
    winner = name_winner([Finalist(trial, values[trial], 1.0) for trial in listed], MAX)
    assert winner is not None
    assert (winner.trial, winner.mean) == (2, pytest.approx(0.91))
    assert "1 other within one standard error (0.01) is not cheaper" in winner.reason


def test_with_one_seed_each_the_spread_is_unknown():
    winner = name_winner([Finalist(1, (0.90,), 5.0), Finalist(2, (0.8999,), 1.0)], MAX)
    assert winner is not None
    assert winner.trial == 1
    assert math.isnan(winner.std)
    assert "the spread is unknown" in winner.reason


def test_a_finalist_that_failed_on_a_fresh_seed_ranks_behind():
    shaky, steady = Finalist(1, (0.99, math.nan), 1.0), Finalist(2, (0.5, 0.6), 1.0)
    winner = name_winner([shaky, steady], MAX)
    assert winner is not None
    assert winner.trial == 2
    assert "1 finalist failed on fresh seeds and ranks behind" in winner.reason


def test_if_all_finalists_failed_once_the_remaining_values_decide():
    winner = name_winner([Finalist(1, (0.7, math.nan), 1.0), Finalist(2, (math.nan, 0.8), 1.0)], MAX)
    assert winner is not None
    assert (winner.trial, winner.n) == (2, 1)
    assert name_winner([Finalist(1, (math.nan,), 1.0), Finalist(2, (math.inf,), 1.0)], MAX) is None


def test_a_finalist_without_values_is_refused():
    with pytest.raises(ValueError, match="finalist 3 has no value"):
        Finalist(3, (), 1.0)
