"""The conductor trains the model again if the spec requires it, and a crash changes nothing."""

import contextlib

import pytest

from hpo.core.events import End, SearchOpened, TrialStarted, WinnerNamed
from hpo.core.history import History
from hpo.core.record import Recorded
from hpo.core.shipped_model import all_trained, model_of, retraining
from hpo.running.conductor import Conductor
from hpo.running.inline import InlineRunner, VirtualClock
from hpo.sampling.non_adaptive import RandomSearcher
from tests.running.searches import OBJECTIVE, SPACE, curve, memory_ledger, plan

OPENED = SearchOpened({"finalists": {"seeds": 2}, "ship": {"model": "retrained"}}, "d", {}, {})


class Killed(Exception):
    """The process was killed between two commits."""


def train(order, broken=False):
    """The epochs of an order; a training on all rows has no validation."""
    for epoch, (metrics, seconds) in zip(range(order.epochs), curve(order), strict=False):
        if order.until is None:
            yield metrics, seconds
        elif broken and epoch == 1:
            yield {"seen/score": float("nan")}, seconds
        else:
            yield {"seen/score": metrics["validation/score"]}, seconds


def run(record=(), stop_after=None, broken=False):
    ledger, clock = memory_ledger(record or [Recorded(1, 1.0, OPENED)]), VirtualClock()
    conductor = Conductor(plan(trials=6), ledger, RandomSearcher(SPACE, 0), clock)
    conductor.replay(list(ledger.record))
    append = ledger.append

    def dying(events, then=None):
        if stop_after is not None and len(ledger.record) >= stop_after:
            raise Killed
        return append(events, then)

    ledger.append = dying
    with contextlib.suppress(Killed):
        InlineRunner(lambda order: train(order, broken), 1, clock).run(conductor)
    return ledger, conductor


def test_the_winner_is_trained_again_on_all_rows():
    ledger, conductor = run()
    assert conductor.done
    (named,) = [n for n, each in enumerate(ledger.record) if isinstance(each.event, WinnerNamed)]
    started = [each.event for each in ledger.record[named:] if isinstance(each.event, TrialStarted)]
    winner = conductor.history.winner
    assert [(s.trial, s.replicate, s.origin, s.split) for s in started] == [
        (winner.trial, 3, "retrained", "all")
    ]
    training = conductor.history.trainings[winner.trial, 3]
    assert training.end is End.FINISHED
    assert training.epoch == started[0].until
    assert model_of(conductor.history).members[0]["replicate"] == 3


def test_a_retraining_killed_at_any_point_gives_the_same_model():
    whole, _ = run()
    named = next(n for n, each in enumerate(whole.record) if isinstance(each.event, WinnerNamed))
    for stop in range(named, len(whole.record)):
        broken, _ = run(stop_after=stop)
        resumed, conductor = run(broken.record)
        assert all_trained(conductor.history)
        assert [each.event for each in resumed.record[named:] if isinstance(each.event, TrialStarted)] == [
            each.event for each in whole.record[named:] if isinstance(each.event, TrialStarted)
        ]


def test_if_it_diverges_the_search_still_has_its_model():
    _, conductor = run(broken=True)
    winner = conductor.history.winner
    assert conductor.done
    assert conductor.history.trainings[winner.trial, 3].end is End.FAILED
    assert model_of(conductor.history).kind == "best"


@pytest.mark.parametrize("ship", [{}, {"model": "ensemble"}, {"model": "averaged"}])
def test_only_the_retrained_kind_is_trained_again(ship):
    opened = SearchOpened({"finalists": {"seeds": 2}, "ship": ship}, "d", {}, {})
    ledger, conductor = run([Recorded(1, 1.0, opened)])
    assert isinstance(ledger.record[-1].event, WinnerNamed)
    assert conductor.done


@pytest.mark.parametrize(("folds", "number"), [(None, 3), (5, 11)])
def test_it_is_numbered_after_every_training_that_a_finalist_can_have(folds, number):
    opened = SearchOpened(
        {"finalists": {"seeds": 2, "folds": folds}, "ship": {"model": "retrained"}}, "d", {}, {}
    )
    started = (TrialStarted(4, replicate, {}, {}, 1, "finalist") for replicate in (0, 1))
    story = [opened, *started, WinnerNamed(4, 1, 0.9, 0.1, 2, "the best mean")]
    history = History.of((Recorded(seq, 0.0, event) for seq, event in enumerate(story, 1)), OBJECTIVE)
    assert retraining(history) == (4, number)
