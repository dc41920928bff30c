"""Laws of resuming: any prefix of a record, any order of kills, any number of workers in each session."""

from collections import Counter
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hpo.core.events import FinalistsNamed, Reported, TrialStarted, WinnerNamed
from hpo.core.rungs import rungs_of
from hpo.running.conductor import Conductor
from hpo.running.inline import VirtualClock
from hpo.sampling.auto import AutoSearcher
from hpo.sampling.non_adaptive import RandomSearcher
from tests.running.searches import SPACE, memory_ledger, plan
from tests.running.test_conductor import decisions, of, run

HORIZON, TRIALS = 9, 8
RULES = ("asha", "leaders", "promote", "hyperband")
KILLS = st.lists(st.integers(1, 50), max_size=6)
"""Commits of each session before it is killed; the last session is not."""


def rules(rule):
    return plan(trials=TRIALS, rule=rule, horizon=HORIZON, rungs=rungs_of(rule, 1, 3, HORIZON))


def searcher(rule):
    if rule == "leaders":
        return AutoSearcher(SPACE, "max", 0, rungs_of(rule, 1, 3, HORIZON), HORIZON)
    return RandomSearcher(SPACE, 0)


@cache
def undisturbed(rule):
    ledger, _ = run(rules(rule), workers=1, searcher=searcher(rule))
    return tuple(ledger.record)


def ended(rule, sessions, record=()):
    """Run a search in several sessions of (commits, workers); the last one is not killed."""
    for commits, workers in sessions:
        ledger, _ = run(rules(rule), workers, record, searcher=searcher(rule), stop_after=commits)
        assert ledger.record[: len(record)] == list(record)
        record = ledger.record
    return record


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=10)
@given(kills=KILLS)
def test_however_often_it_is_killed_with_one_worker_it_ends_as_if_undisturbed(rule, kills):
    record = ended(rule, [*((commits, 1) for commits in kills), (None, 1)])
    assert decisions(record) == decisions(undisturbed(rule))


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=10)
@given(share=st.floats(0, 1))
def test_any_prefix_of_its_events_leads_to_the_same_end(rule, share):
    """A rescue may cut a record between two events of one commit."""
    whole = undisturbed(rule)
    record = ended(rule, [(None, 1)], whole[: round(share * len(whole))])
    assert decisions(record) == decisions(whole)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=10)
@given(kills=KILLS, workers=st.lists(st.integers(1, 5), min_size=7, max_size=7))
def test_with_any_workers_nothing_is_done_twice_and_every_decision_is_that_of_a_replay(rule, kills, workers):
    record = ended(rule, list(zip([*kills, None], workers, strict=False)))
    ledger = memory_ledger(record)
    # A stopped trial begins a second time, to be trained on, if no trial was fully trained.
    started = Counter((s.trial, s.replicate, s.origin) for s in of(ledger, TrialStarted))
    epochs = Counter((r.trial, r.replicate, r.epoch) for r in of(ledger, Reported))
    assert set(started.values()) == set(epochs.values()) == {1}
    assert sorted({trial for trial, replicate, _ in started if not replicate}) == list(range(TRIALS))
    assert [len(of(ledger, kind)) for kind in (FinalistsNamed, WinnerNamed)] == [1, 1]
    replayed = Conductor(rules(rule), ledger, searcher(rule), VirtualClock())
    replayed.replay(record)
    assert ledger.record == list(record)
    assert replayed.done
    assert all(training.end is not None for training in replayed.history.trainings.values())
