"""Hyperband: the brackets of the paper, and the decisions of its synchronous algorithm."""

import math
from random import Random

import pytest

from hpo.core.hyperband import HyperbandRule, brackets
from hpo.core.rungs import milestones


def test_brackets_are_those_of_the_paper():
    """Table 1 of Li et al. 2018: at most 81 epochs, a factor of 3."""
    assert brackets(4, 3) == ((81, 27, 9, 3, 1), (34, 11, 3, 1), (15, 5, 1), (8, 2), (5,))
    assert brackets(0, 3) == ((1,),)


def rule(**changes):
    return HyperbandRule(**{"epochs": (1, 3, 9), "reduction_factor": 3, "mode": "min", **changes})


def reference(rungs, horizon, factor, trials, loss):
    """Algorithm 1 of the paper, one bracket after the other: the epochs of each trial."""
    epochs, numbers = {}, iter(range(trials))
    while True:
        for bracket, sizes in enumerate(brackets(len(rungs), factor)):
            alive = [trial for _, trial in zip(range(sizes[0]), numbers, strict=False)]
            if len(alive) < sizes[0]:
                return epochs
            for epoch, kept in zip((*rungs[bracket:], horizon), (*sizes[1:], 0), strict=True):
                epochs |= dict.fromkeys(alive, epoch)
                alive = sorted(alive, key=lambda trial, at=epoch: (loss(trial, at), trial))[:kept]


def searched(rule, horizon, trials, loss, workers, random, failing=()):
    """Train trials with several workers, whose reports come in any order; the epochs of each trial."""
    epochs, running, started, most = {}, [], 0, 0
    while True:
        while len(running) < workers:
            trial = rule.take_up()
            if trial is not None:
                rule.taken_up(trial)
            elif started < trials:
                trial, started = started, started + 1
            else:
                break
            running.append(trial)
        if not running:
            return epochs, most
        trial = running[random.randrange(len(running))]
        epoch = epochs[trial] = epochs.get(trial, 0) + 1
        if (trial, epoch) in failing:
            goes_on = False
            rule.forget(trial)
        else:
            goes_on = rule.report(epoch, loss(trial, epoch), trial) and epoch < horizon
        if not goes_on:
            running.remove(trial)
        while (ended := rule.surplus()) is not None:
            rule.forget(ended)
        most = max(most, sum(len(stage.paused) for stage in rule._occupied()))


@pytest.mark.parametrize("workers", [1, 4, 30])
@pytest.mark.parametrize(("horizon", "first", "factor"), [(27, 1, 3), (16, 2, 2), (50, 3, 4)])
def test_every_trial_trains_as_long_as_in_the_synchronous_algorithm(horizon, first, factor, workers):
    rungs = milestones(first, factor, horizon)
    trials = 2 * sum(sizes[0] for sizes in brackets(len(rungs), factor))

    def loss(trial, epoch):
        return Random(f"{trial} {epoch}").random()

    decide = rule(epochs=rungs, reduction_factor=factor)
    found, most = searched(decide, horizon, trials, loss, workers, Random(0))
    assert found == reference(rungs, horizon, factor, trials, loss)
    assert most <= 40


def test_failed_trials_count_as_the_worst_and_are_not_waited_for():
    def loss(trial, epoch):
        return 0.0 if (trial, epoch) in failing else Random(f"{trial} {epoch}").random() + 1

    failing = {(trial, epoch) for trial, epoch in ((0, 1), (3, 1), (30, 2), (40, 9))}
    failing |= {(trial, 5) for trial in range(49)}  # so that few reach the rung at 9
    found, _ = searched(rule(), 27, 49, loss, 4, Random(1), failing - {(30, 5)})
    assert len(found) == 49
    assert found[0] == found[3] == 1
    assert set(found.values()) == {1, 2, 3, 5}  # 5: all others that went on past 3, or have no rung before


def test_a_trial_is_paused_only_while_it_may_go_on():
    decide = rule()
    for trial in range(9):
        assert not decide.report(1, float(trial), trial)
        assert decide.surplus() is None
    assert not decide.report(1, 8.5, 9)
    assert decide.surplus() == 9  # nine of 27 go on, and nine are better
    assert not decide.report(1, -1.0, 10)
    decide.forget(9)
    assert decide.surplus() == 8
    assert decide.take_up() is None
    assert decide.furthest() == 10


def test_a_paused_trial_that_is_ended_makes_room_for_the_next_best():
    decide = rule(epochs=(1,))
    (wide, _) = brackets(1, 3)
    assert wide == (3, 1)
    assert [decide.report(1, float(trial), trial) for trial in range(2)] == [False, False]
    decide.forget(0)
    assert decide.take_up() is None
    assert not decide.report(1, 2.0, 2)
    assert decide.take_up() == 1


def test_values_that_are_not_finite_never_go_on_and_more_than_the_limit_never_wait():
    decide = rule(most_paused=2)
    assert not decide.report(1, math.nan, 0)
    for trial in (1, 2, 3):
        assert not decide.report(1, float(trial), trial)
    assert decide.surplus() == 3
    assert rule(epochs=()).report(1, 0.5, 0)
