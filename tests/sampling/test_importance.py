"""Importances by PED-ANOVA: what decides comes first, and early stopping does not hide it."""

import math
import random

import pytest

from hpo.core.importance import FEWEST_TRIALS
from hpo.core.space import Among, Choice, Integer, Parameter, Space, Uniform
from hpo.sampling.importance import MOST_WHISKERS, importances

SPACE = Space(
    (
        Parameter("rate", Uniform(1e-4, 1.0, log=True)),
        Parameter("depth", Integer(1, 6)),
        Parameter("kind", Choice(("a", "b", [1, 2]))),
        Parameter("beta", Uniform(0.0, 1.0), (("kind", Among(("a",))),)),
    )
)


def compared(count, value, seed=0):
    draws = random.Random(seed)
    points = [SPACE.sample(draws) for _ in range(count)]
    return [(point, value(point) + draws.gauss(0, 0.01)) for point in points]


def by_rate(point):
    return -abs(math.log10(point["rate"]) + 2)


def test_the_parameter_that_decides_comes_first():
    ranking = importances(SPACE, compared(100, by_rate), epoch=3, seed=1)
    first = ranking.rows[0]
    assert first.name == "rate"
    assert first.share > 0.7
    assert first.low <= first.share <= first.high
    assert math.fsum(row.share for row in ranking.rows) == pytest.approx(1.0)
    assert (ranking.trials, ranking.epoch) == (100, 3)
    assert "PED-ANOVA" in ranking.evaluator


def test_a_conditional_parameter_can_come_first():
    def value(point):
        return 2 - abs(point["beta"] - 0.5) if "beta" in point else 1.7

    names = [row.name for row in importances(SPACE, compared(300, value), epoch=1, seed=1).rows]
    assert names.index("beta") < names.index("depth")
    assert names.index("kind") < names.index("rate")


def test_of_a_wide_space_the_most_important_parameters_have_whiskers():
    space = Space(tuple(Parameter(f"p{n}", Uniform(0.0, 1.0)) for n in range(MOST_WHISKERS + 2)))
    draws = random.Random(0)
    points = [space.sample(draws) for _ in range(FEWEST_TRIALS)]
    rows = importances(space, [(point, point["p7"]) for point in points], epoch=1, seed=1).rows
    assert rows[0].name == "p7"
    assert [math.isfinite(row.low) for row in rows] == [True] * MOST_WHISKERS + [False] * 2
    assert all(row.low <= row.share <= row.high for row in rows[:MOST_WHISKERS])
    assert math.fsum(row.share for row in rows) == pytest.approx(1.0)


def test_only_ranks_count():
    trials = compared(80, by_rate)
    stretched = [(point, 1e6 * value) for point, value in trials]
    assert importances(SPACE, trials, epoch=1, seed=1) == importances(SPACE, stretched, epoch=1, seed=1)


def test_diverged_trials_are_the_worst():
    trials = [(p, -math.inf if p["rate"] > 0.1 else 0.5) for p, _ in compared(200, by_rate)]
    assert importances(SPACE, trials, epoch=1, seed=1).rows[0].name == "rate"


def test_below_fifty_trials_there_is_a_reason_instead():
    ranking = importances(SPACE, compared(FEWEST_TRIALS - 1, by_rate), epoch=1, seed=1)
    assert ranking.rows == ()
    assert "at least 50 are needed" in ranking.reason


def test_equal_trials_are_not_ranked():
    ranking = importances(SPACE, [(p, 0.5) for p, _ in compared(60, by_rate)], epoch=1, seed=1)
    assert (ranking.rows, ranking.reason) == ((), "all trials have the same value")
