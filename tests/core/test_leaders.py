"""The rule that compares trials with the leaders at the same age."""

import random

import pytest

from hpo.core.asha import AshaRule
from hpo.core.leaders import COMPARED, ROSTER, LeadersRule
from hpo.core.rungs import close_milestones, default_first_rung, rungs_of
from hpo.core.stopping_rules import stopping_rule
from hpo.spec.scheduler_fields import Scheduler


def climb(rule, trial, curve):
    """Report a curve epoch by epoch; the epoch at which the trial was stopped, or its last."""
    for epoch, value in enumerate(curve, 1):
        if not rule.report(epoch, value, trial):
            return epoch
    return len(curve)


def rising(height, pace=0.5, epochs=27):
    return [height * (1 - pace**epoch) for epoch in range(1, epochs + 1)]


def test_the_first_rung_is_a_twentieth_of_a_full_training_unless_the_spec_says_otherwise():
    horizons = (1, 2, 9, 20, 27, 50, 52, 70, 81, 100, 300)
    assert [default_first_rung(n) for n in horizons] == [1, 1, 1, 1, 1, 2, 3, 4, 4, 5, 15]
    assert Scheduler(max_epochs=100, name="leaders").rungs == (5, 8, 15, 25, 45)
    assert Scheduler(max_epochs=100).rungs == (5, 15, 45)
    assert Scheduler(max_epochs=100, name="asha").rungs == (5, 15, 45)
    assert Scheduler(max_epochs=100, name="asha", first_rung=3, reduction_factor=4).rungs == (3, 12, 48)


def test_rungs_are_half_a_factor_apart_and_end_before_the_horizon():
    assert close_milestones(3, 3, 52) == (3, 5, 9, 15, 27)
    assert close_milestones(3, 3, 27) == (3, 5, 9, 15)
    assert close_milestones(1, 3, 9) == (1, 3, 5)
    assert close_milestones(1, 3, 1) == ()
    assert rungs_of("leaders", 3, 3, 52) != rungs_of("asha", 3, 3, 52) == (3, 9, 27)


def test_without_leaders_decisions_are_those_of_asha():
    ours, theirs = stopping_rule("leaders", (3, 9), 27, 3, "max"), AshaRule((3, 9), 3, "max")
    draw = random.Random(0)
    for trial in range(40):
        value = draw.random()
        assert ours.report(3, value, trial) == (theirs.report(3, value) and trial >= COMPARED)


def test_a_trial_as_slow_as_the_leaders_continues_and_a_weaker_one_stops():
    rule = LeadersRule((3, 9), 27, 3, "max")
    for trial in range(-3, 0):
        assert climb(rule, trial, rising(0.3)) == 3
    for trial in range(3):  # the reduction factor alone would stop some of these
        assert climb(rule, trial, rising(1.0 + trial / 10)) == 27
    for trial in range(3, 8):
        assert climb(rule, trial, rising(0.5)) == 3
    assert climb(rule, 8, rising(1.15)) == 27
    assert climb(rule, 9, rising(0.9)) == 3


def test_lower_is_better_in_the_other_mode():
    up, down = LeadersRule((1, 3), 9, 3, "max"), LeadersRule((1, 3), 9, 3, "min")
    draw = random.Random(1)
    for trial in range(60):
        curve = [draw.random() + 0.1 * epoch for epoch in range(9)]
        assert climb(up, trial, curve) == climb(down, trial, [-value for value in curve])


def test_diverged_trials_are_not_leaders():
    rule = LeadersRule((3, 9), 27, 3, "max")
    for trial in range(-3, 4):
        climb(rule, trial, rising(1.0 + trial / 10)[:20])
    leading = rule._by_wins(rule._past[0])
    assert leading[0] == 3
    rule.forget(3)
    assert all(3 not in roster for roster in rule._past)
    assert not rule.report(3, float("nan"), 9)


@pytest.mark.parametrize("trials", [400])
def test_memory_does_not_grow_with_the_number_of_trials(trials):
    rule, draw = LeadersRule((1, 3, 9), 27, 3, "max"), random.Random(2)
    running = [[], [], []]  # three at once, so that one leaves a roster while another is at a rung
    for trial in range(trials):
        curve = [value + 0.2 * draw.random() for value in rising(draw.random() + trial / 50)]
        running[draw.randrange(3)].append((trial, curve))
    while any(running):
        queue = draw.choice([queue for queue in running if queue])
        trial, curve = queue[0]
        epoch = 28 - len(curve)
        if not rule.report(epoch, curve.pop(0), trial) or epoch == 27:
            queue.pop(0)
    assert len(rule._climbs) <= 3 * ROSTER
    assert all(len(roster) == len(set(roster)) for roster in rule._past)
    assert all(len(roster) <= ROSTER for roster in rule._past)


def quick_then_flat(epochs=27):
    return [0.5 + 0.001 * epoch for epoch in range(1, epochs + 1)]


def slow_then_high(epochs=27):
    return [0.1 * epoch / 3 if epoch <= 9 else 0.9 for epoch in range(1, epochs + 1)]


def test_after_two_unsuccessful_full_trainings_one_slow_starter_is_trained_to_the_end():
    rule = LeadersRule((3, 9), 27, 3, "max")
    for trial in range(6):
        climb(rule, trial, quick_then_flat())
    ends = [climb(rule, trial, slow_then_high()) for trial in range(6, 30)]
    assert ends[:19] == [*(3,) * 18, 27]  # after 54 epochs of others
    assert 27 in ends[19:]  # trials that start as slowly as the new leader continue
    assert rule._by_wins(rule._past[0])[0] >= 6 + 18
    assert not rule._unjudged


@pytest.mark.parametrize("worse", [0, 3])
def test_with_short_trainings_a_dozen_unsuccessful_trials_are_needed(worse):
    """The next trial in the better half continues; worse ones do not."""
    rule = LeadersRule((3, 5), 9, 3, "max")
    falling, middle = [0.9 - trial / 100 for trial in range(12 + worse)], 0.907 - (12 + worse) / 200
    ends = [climb(rule, trial, [value] * 9) for trial, value in enumerate([*falling, middle, middle])]
    assert ends == [*(3,) * (12 + worse), 9, 3]


def test_no_trial_continues_unjudged_while_others_are_fully_trained():
    rule, end = LeadersRule((3, 9), 27, 3, "max"), []
    for trial in range(60):
        curve = rising(1.0 + trial / 100) if trial % 8 == 0 else rising(0.5 - trial / 1000)
        end.append(climb(rule, trial, curve))
    assert {place % 8 for place, epoch in enumerate(end) if epoch == 27} == {0}


def test_a_trial_that_diverges_unjudged_is_forgotten():
    rule = LeadersRule((3, 9), 27, 3, "max")
    for trial in range(6):
        climb(rule, trial, quick_then_flat())
    for trial in range(6, 24):
        assert climb(rule, trial, slow_then_high()) == 3
    assert all(rule.report(epoch, 0.11, 24) for epoch in (1, 2, 3))
    assert rule._unjudged == {24}
    assert not rule.report(9, float("nan"), 24)
    assert not rule._unjudged
