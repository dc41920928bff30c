"""Promotion: who goes on, who waits, who is taken up, and who is given up if too many wait."""

import math
from random import Random

import pytest

from hpo.core.budget import Budget, forecast
from hpo.core.promote import PromoteRule
from hpo.core.rungs import rungs_of
from hpo.core.stopping_rules import PausingRule, rule_named, stopping_rule


def rule(**changes):
    return PromoteRule(**{"epochs": (1, 3, 9), "reduction_factor": 3, "mode": "max", **changes})


def test_one_in_three_goes_on_and_a_paused_trial_is_taken_up_when_it_qualifies():
    promote = rule()
    assert [promote.report(1, value, trial) for trial, value in enumerate((0.5, 0.9, 0.1))] == [False] * 3
    assert promote.take_up() == promote.take_up() == 1
    promote.taken_up(1)
    assert promote.take_up() is None
    assert promote.report(2, 0.9, 1)
    assert not promote.report(3, 0.9, 1)
    assert [promote.report(1, value, trial) for trial, value in ((3, 0.2), (4, 0.3))] == [False, False]
    assert promote.report(1, 0.6, 5)
    assert promote.take_up() is None  # two of six have gone on


def test_the_highest_rung_comes_first_and_lower_is_better_if_the_spec_says_so():
    promote = rule(mode="min")
    for trial, value in enumerate((3.0, 1.0, 2.0)):
        promote.report(1, value, trial)
    for trial in (10, 11, 12):
        promote.report(3, float(trial), trial)
    assert promote.take_up() == promote.furthest() == 10
    promote.taken_up(10)
    assert promote.take_up() == 1
    assert promote.furthest() == 11


def test_values_that_are_not_finite_never_go_on_and_are_not_compared():
    promote = rule()
    assert not promote.report(1, math.nan, 0)
    assert not promote.report(1, 0.5, 1)
    assert (promote.take_up(), promote.furthest()) == (None, 1)
    promote.forget(1)
    assert promote.furthest() is None
    assert rule(epochs=()).report(1, 0.5, 0)


def test_one_trial_in_some_passes_the_first_rung_and_no_other_whatever_its_value():
    promote = rule(slow_starters=4)
    passed = [promote.report(1, -float(trial), trial) for trial in range(12)]
    assert [trial for trial, goes_on in enumerate(passed) if goes_on] == [2, 6, 10]
    assert promote.take_up() == 0
    assert not promote.report(3, -2.0, 2)
    assert not rule(slow_starters=4).report(1, math.nan, 2)
    assert not any(rule(slow_starters=0).report(1, -float(trial), trial) for trial in range(2))


def test_values_of_trials_that_pass_are_compared_with_those_of_others():
    judged, passing = rule(), rule(slow_starters=3)
    for trial, value in enumerate((0.1, 0.9, 0.5)):
        judged.report(1, value, trial)
        passing.report(1, value, trial)
    assert (judged.take_up(), passing.take_up()) == (1, None)  # trial 1, the best of three, goes on already
    assert [promote.report(1, 0.7, 3) for promote in (judged, passing)] == [False, False]
    assert passing.take_up() is None  # one of four


def test_of_too_many_paused_trials_the_one_furthest_from_qualifying_ends():
    promote = rule(most_paused=3)
    for trial, value in enumerate((0.5, 0.4, 0.3)):
        promote.report(1, value, trial)
    assert promote.surplus() is None
    promote.report(1, 0.2, 3)
    assert promote.surplus() == 3
    promote.forget(3)
    promote.report(3, 0.9, 9)  # alone at its rung, two arrivals from qualifying
    assert promote.surplus() == 2


@pytest.mark.parametrize("seed", range(5))
def test_the_decisions_are_those_of_the_published_algorithm(seed):
    """Against Algorithm 2 written down literally: at each call, scan all rungs from the top."""
    random, promote = Random(seed), rule(most_paused=10**6)
    reached = {epoch: {} for epoch in (1, 3, 9)}
    promoted = {epoch: set() for epoch in (1, 3, 9)}
    position = {}
    for _ in range(400):
        job = None
        for epoch in (9, 3, 1):
            ranked = sorted(reached[epoch], key=lambda t, e=epoch: (-reached[e][t], t))
            candidates = [t for t in ranked[: len(ranked) // 3] if t not in promoted[epoch]]
            if candidates:
                job = candidates[0]
                promoted[epoch].add(job)
                break
        assert promote.take_up() == job
        if job is None:
            job = len(position)
        else:
            promote.taken_up(job)
        epoch = {0: 1, 1: 3, 3: 9, 9: 27}[position.get(job, 0)]
        position[job] = epoch
        if epoch == 27:
            assert promote.report(27, random.random(), job)
            continue
        value = round(random.random(), 2)
        reached[epoch][job] = value
        goes_on = promote.report(epoch, value, job)
        while goes_on:  # it qualified at once: the same decision, without a pause
            promoted[epoch].add(job)
            epoch = {1: 3, 3: 9, 9: 27}[epoch]
            position[job] = epoch
            if epoch == 27:
                break
            value = round(random.random(), 2)
            reached[epoch][job] = value
            goes_on = promote.report(epoch, value, job)


def test_it_is_a_rule_that_pauses_by_its_name():
    assert isinstance(stopping_rule(rule_named("promote"), (1, 3), 9, 3, "max"), PausingRule)
    assert not isinstance(stopping_rule(rule_named("leaders"), (1, 3), 9, 3, "max"), PausingRule)
    assert rule_named("none") == rule_named(None) == "asha"
    assert rungs_of("promote", 1, 3, 27) == (1, 3, 9)


def test_a_forecast_plays_promotions_and_ends_with_enough_finalists():
    bought = forecast(Budget(trials=9), (1, 3, 9), 3, 27, 0, "promote")
    assert (bought.trials, bought.fully_trained) == (9, 1)
    assert forecast(Budget(trials=9), (1, 3, 9), 3, 27, 0, "promote", finalists=3).fully_trained == 3
    many = forecast(Budget(trials=900), (1, 3, 9), 3, 27, 0, "promote")
    assert many.fully_trained / 900 == pytest.approx(1 / 27, rel=0.35)
    bound = forecast(Budget(epochs=500), (1, 3, 9), 3, 27, 100, "promote")
    assert bound.epochs == pytest.approx(400, abs=1)
