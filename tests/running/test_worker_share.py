"""A search beside others keeps to its share: it pauses trainings, and takes them up again later."""

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpo.core.events import Checkpointed, End, PauseCause, Reported, TrialPaused, TrialTakenUp, WorkersReady
from hpo.running.conductor import Conductor
from hpo.running.inline import VirtualClock
from hpo.sampling.non_adaptive import RandomSearcher
from tests.running.searches import SPACE, memory_ledger, plan
from tests.running.simulated_cluster import SimulatedCluster
from tests.running.test_never_stands_still import searched

GIVEN_UP = 10.0
"""Seconds of virtual time for the longest epoch, a worker's end and the turn of the loop."""


class Shares:
    """Shares that change at given times; records how many workers the search held."""

    def __init__(self, cluster, changes):
        self.cluster, self.changes, self.asked = cluster, changes, []

    def __call__(self, demand, room):
        now = [share for since, share in self.changes if since <= self.cluster.now]
        share = now[-1] if now else None
        self.asked.append((self.cluster.now, demand, share, sum(self.cluster.used.values())))
        return share


def held(shares, begin, end):
    return {used for at, _, _, used in shares.asked if begin + GIVEN_UP <= at < end}


def of(conductor, *kinds):
    return [each for each in conductor._ledger.record if isinstance(each.event, kinds)]


def shared_pauses(conductor):
    return [e.event.cause for e in of(conductor, TrialPaused) if e.event.cause is PauseCause.SHARE]


def test_a_search_gives_up_what_is_over_its_share_and_takes_it_back_later(tmp_path):
    cluster = SimulatedCluster(0, slots=(4,))
    shares = Shares(cluster, [(20, 1), (60, None)])
    conductor, _ = searched(tmp_path, cluster, 4, share=shares, trials=24, rule="asha")
    assert 4 in {used for at, _, _, used in shares.asked if at < 20}
    assert held(shares, 20, 60) == {1}
    assert 4 in held(shares, 60, 90)
    assert [e.event.workers for e in of(conductor, WorkersReady)] == [1, 4]
    paused = [e.event for e in of(conductor, TrialPaused)]
    assert {pause.cause for pause in paused} == {PauseCause.SHARE}
    epochs = [(e.event.trial, e.event.replicate, e.event.epoch) for e in of(conductor, Reported)]
    assert len(epochs) == len(set(epochs))  # none is trained again
    assert len(of(conductor, TrialTakenUp)) == len(paused) > 0
    assert all(t.end is not None for t in conductor.history.trainings.values())


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 2**32),
    changes=st.lists(st.tuples(st.floats(0, 150), st.one_of(st.none(), st.integers(1, 6))), max_size=8),
    disturbances=st.integers(0, 6),
    rule=st.sampled_from(["asha", "promote", "hyperband"]),
)
def test_whatever_the_shares_a_search_ends_and_never_gives_up_its_last_worker(
    tmp_path, seed, changes, disturbances, rule
):
    cluster = SimulatedCluster(seed, (3, 2), disturbances)
    shares = Shares(cluster, sorted(changes, key=lambda change: change[0]))
    conductor, _ = searched(tmp_path, cluster, 5, share=shares, trials=10, rule=rule, worker_losses=100)
    history = conductor.history
    assert history.count(None) == 0
    assert history.winner is not None
    assert all(demand >= 1 for _, demand, _, _ in shares.asked)
    replayed = Conductor(conductor._state._plan, memory_ledger(), RandomSearcher(SPACE, 0), VirtualClock())
    replayed.replay(conductor._ledger.record)
    assert replayed.done
    assert {k: (t.end, t.value) for k, t in replayed.history.trainings.items()} == {
        k: (t.end, t.value) for k, t in history.trainings.items()
    }


def test_a_search_that_has_nothing_to_start_claims_only_what_it_uses(tmp_path):
    cluster = SimulatedCluster(3, slots=(4,))
    shares = Shares(cluster, [])
    searched(tmp_path, cluster, 4, share=shares, trials=6, rule="asha")
    demands = [demand for _, demand, _, _ in shares.asked]
    assert demands[0] == 4
    assert 1 in demands[len(demands) // 2 :]


@pytest.fixture
def started():
    conductor = Conductor(plan(), memory_ledger(), RandomSearcher(SPACE, 0), VirtualClock())
    return conductor, conductor.next().key, conductor.next().key


def test_a_training_that_was_paused_waits_first_and_goes_on_from_its_checkpoint(started):
    conductor, first, _second = started
    conductor.reported(
        first, [Reported(*first, 1, {"validation/score": 0.5}, 1.0)], Checkpointed(*first, 1, "f", "s")
    )
    conductor.pause(first)
    assert conductor.open == 1
    assert conductor.history.trainings[first].paused is PauseCause.SHARE
    again = conductor.next()
    assert (again.key, again.checkpoints[0].epoch) == (first, 1)
    assert conductor.history.trainings[first].running
    assert conductor.open == 2
    assert math.isfinite(conductor.history.trainings[first].value)


def test_a_paused_training_waits_for_the_process_that_resumes_the_search(started):
    conductor, first, _ = started
    conductor.pause(first)
    resumed = Conductor(
        plan(), memory_ledger(conductor._ledger.record), RandomSearcher(SPACE, 0), VirtualClock()
    )
    resumed.replay(conductor._ledger.record)
    assert {resumed.next().key, resumed.next().key} == {(0, 0), (1, 0)}


def test_a_paused_training_can_be_stopped_for_good(started):
    conductor, first, _ = started
    conductor.pause(first)
    assert conductor.stop_trial(first[0], "stopped by anna")
    assert conductor.history.trainings[first].end is End.INTERRUPTED
    assert conductor.next().key != first
