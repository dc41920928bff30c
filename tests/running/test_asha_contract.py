"""Our rung rule against Ray's own ASHAScheduler, decision for decision."""

import random
from types import SimpleNamespace

import pytest

from hpo.core.asha import AshaRule
from hpo.core.rungs import milestones


@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize(("first", "factor", "horizon"), [(1, 3, 27), (3, 3, 52), (1, 2, 20), (2, 4, 100)])
def test_every_decision_is_the_same(mode, first, factor, horizon):
    from ray.tune.schedulers import ASHAScheduler, TrialScheduler

    theirs = ASHAScheduler(
        time_attr="epoch",
        metric="score",
        mode=mode,
        max_t=horizon,
        grace_period=first,
        reduction_factor=factor,
    )
    ours = AshaRule(milestones(first, factor, horizon), factor, mode)
    draw = random.Random(f"{mode}{first}{factor}{horizon}")
    trials = {n: SimpleNamespace(trial_id=str(n), config={}) for n in range(150)}
    for trial in trials.values():
        theirs.on_trial_add(None, trial)
    running = dict.fromkeys(list(trials)[:8], 0)
    waiting = list(trials)[8:]
    compared = 0
    while running:
        number = draw.choice(list(running))
        running[number] += 1
        epoch, score = running[number], round(draw.random() + 0.02 * running[number], 2)
        answer = theirs.on_trial_result(None, trials[number], {"epoch": epoch, "score": score})
        goes_on = epoch < horizon and ours.report(epoch, score)
        assert goes_on == (answer == TrialScheduler.CONTINUE)
        compared += 1
        if not goes_on:
            del running[number]
            if waiting:
                running[waiting.pop(0)] = 0
    assert compared > 300


def test_nan_is_the_one_intended_difference():
    rule = AshaRule((1, 3), 3, "max")
    assert rule.report(1, 0.5)
    assert not rule.report(1, float("nan"))
    assert rule.recorded[1] == [0.5]
