"""A search limited by time ends within it, whatever its finalists take."""

import pytest

from hpo.core.events import Cause
from hpo.running.conductor import Conductor
from hpo.running.inline import InlineRunner, VirtualClock
from hpo.sampling.non_adaptive import RandomSearcher
from tests.running.searches import SPACE, memory_ledger, plan

FINALISTS = {"trials": None, "reserved_epochs": 2 * 2 * 27}


def run(rules, train, began=0.0):
    """Run a search in virtual time from a moment on, its history and the seconds it took."""
    ledger, clock = memory_ledger(), VirtualClock()
    clock.now = began
    conductor = Conductor(rules, ledger, RandomSearcher(SPACE, 0), clock)
    InlineRunner(train, rules.workers, clock).run(conductor)
    return conductor.history, clock.now - began


def slower_the_better(order):
    """An epoch takes up to ten times as long, and the score with it."""
    height = order.recipe["height"]
    for epoch in range(1, order.horizon + 1):
        yield {"validation/score": height * (1 - 0.7**epoch)}, 0.2 + 1.8 * height


@pytest.mark.parametrize("workers", [1, 2, 3, 4])
@pytest.mark.parametrize("hours", [{"seconds": 600.0}, {"gpu_seconds": 1200.0, "gpus": 2.0}])
def test_the_time_budget_suffices_for_slow_finalists(workers, hours):
    history, seconds = run(plan(workers=workers, **FINALISTS, **hours), slower_the_better)
    assert history.winner is not None
    assert len(history.trials) > 5
    assert 600.0 * 0.7 <= seconds <= 600.0


@pytest.mark.parametrize("began", [0.0, 5000.0])
@pytest.mark.parametrize(("seconds", "wins"), [(30.0, False), (80.0, False), (110.0, True), (140.0, True)])
def test_a_time_too_short_for_one_training_is_reported_within_it(seconds, wins, began):
    """A training takes 54 seconds, and so do the finalists' four trainings on four workers."""

    def steady(order):
        for _ in range(order.horizon):
            yield {"validation/score": order.recipe["height"]}, 2.0

    rules = plan(workers=4, seconds=seconds, rungs=(), **FINALISTS)
    history, spent = run(rules, steady, began)
    assert (history.winner is not None) is wins
    if not wins:
        assert spent < seconds, "nothing is trained on that cannot be finished"
        assert "the time is too short: a full training takes about 54 s, and" in history.finalists.reason


def test_a_search_whose_time_is_over_before_its_first_epoch_says_so():
    ledger, clock = memory_ledger(), VirtualClock()
    conductor = Conductor(plan(seconds=1.0, **FINALISTS), ledger, RandomSearcher(SPACE, 0), clock)
    clock.now = 2.0
    InlineRunner(slower_the_better, 1, clock).run(conductor)
    assert conductor.history.finalists.reason == (
        "the time is too short: 1 s had passed before a first epoch was trained"
    )


def test_a_trial_ended_by_the_time_limit_is_interrupted():
    history, _ = run(plan(workers=2, seconds=600.0, **FINALISTS), slower_the_better)
    assert any(trial.cause is Cause.BUDGET for trial in history.trials)
