"""Requests in the middle of a search: a trial ends for good, limits change, and a replay agrees."""

import pytest

from hpo.core.events import Cause, End, SearchExtended, SearchOpened, SettingChanged, TrialEnded, WorkerLost
from hpo.core.spending import EPOCHS, GPU_HOURS, HOURS, limits_of
from hpo.running.conductor import Conductor
from hpo.running.inline import InlineRunner, VirtualClock
from hpo.sampling.non_adaptive import RandomSearcher
from tests.running.searches import SPACE, curve, memory_ledger, plan


def searched(rules, request, at=(5, 1)):
    """Run a search in virtual time; when a trial has trained an epoch, a request is applied."""
    ledger, clock = memory_ledger(), VirtualClock()
    conductor = Conductor(rules, ledger, RandomSearcher(SPACE, 0), clock)

    def train(task):
        for epoch, report in enumerate(curve(task), 1):
            if (task.trial, epoch) == at and not task.replicate:
                request(conductor)
            yield report

    InlineRunner(train, 4, clock).run(conductor)
    return ledger, conductor


@pytest.mark.parametrize("rule", ["asha", "promote"])
def test_a_trial_that_is_stopped_ends_once_and_the_search_goes_on(rule):
    applied = []
    ledger, conductor = searched(
        plan(rule=rule),
        lambda c: applied.extend(c.stop_trial(trial, "stopped by anna") for trial in (4, 4, 99)),
    )
    assert applied == [True, False, False]
    ends = [r.event for r in ledger.record if isinstance(r.event, TrialEnded) and r.event.trial == 4]
    assert [(e.end, e.cause, e.message) for e in ends] == [(End.INTERRUPTED, Cause.USER, "stopped by anna")]
    assert len(conductor.history.trials) == 20
    assert conductor.history.winner is not None
    assert 4 not in conductor.history.finalists.trials


def test_a_trial_that_was_stopped_is_not_taken_up_when_its_worker_dies():
    def stop_and_lose(conductor):
        conductor.stop_trial(4, "stopped by anna")
        conductor.lost((4, 0), "its process ended")

    ledger, conductor = searched(plan(), stop_and_lose)
    assert not [r for r in ledger.record if isinstance(r.event, WorkerLost)]
    assert conductor.history.trainings[4, 0].end is End.INTERRUPTED


@pytest.mark.parametrize("trials", [12, 31])
def test_a_search_starts_as_many_trials_as_it_is_set_to(trials):
    ledger, conductor = searched(plan(), lambda c: c.set_trials(trials))
    assert len(conductor.history.trials) == trials
    assert [r.event for r in ledger.record if isinstance(r.event, SearchExtended)] == [
        SearchExtended(trials - 20)
    ]
    replayed = Conductor(plan(), memory_ledger(ledger.record), RandomSearcher(SPACE, 0), VirtualClock())
    replayed.replay(list(ledger.record))
    assert replayed.done


def test_setting_what_is_set_leaves_no_event():
    ledger, _ = searched(plan(), lambda c: c.set_trials(20))
    assert not [r for r in ledger.record if isinstance(r.event, SearchExtended)]


@pytest.mark.parametrize("epochs", [30, 90])
def test_a_search_trains_as_many_epochs_as_it_is_set_to(epochs):
    ledger, conductor = searched(plan(trials=None, epochs=60), lambda c: c.set(EPOCHS, epochs, "anna"))
    assert epochs <= conductor.history.epochs <= epochs + 27  # the best trial is trained to its last epoch
    changed = [r.event for r in ledger.record if isinstance(r.event, SettingChanged)]
    assert changed == [SettingChanged(EPOCHS, epochs, "anna")]
    replayed = Conductor(
        plan(trials=None, epochs=60), memory_ledger(ledger.record), RandomSearcher(SPACE, 0), VirtualClock()
    )
    replayed.replay(list(ledger.record))
    assert replayed.done


@pytest.mark.parametrize(("key", "limit"), [(HOURS, "seconds"), (GPU_HOURS, "gpu_seconds")])
def test_a_search_takes_as_long_as_it_is_set_to(key, limit):
    rules = {"trials": None, limit: 400.0, "gpus": 1.0}
    usual, _ = searched(plan(**rules), lambda c: None)
    longer, conductor = searched(plan(**rules), lambda c: c.set(key, 900 / 3600, "anna"))
    assert conductor.history.winner is not None
    assert len(longer.record) > len(usual.record)
    assert limits_of(with_budget(conductor.history, key))[key.partition(".")[2]] == 900 / 3600


def with_budget(history, key):
    """The same state of a search whose spec limits this."""
    history.opened = SearchOpened({"budget": {key.partition(".")[2]: 1.0}}, "d", {}, {})
    return history
