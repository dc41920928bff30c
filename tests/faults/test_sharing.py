"""Two searches on a cluster of four slots hold two each, and all four when the other has ended."""

import pytest

from hpo.core import events
from tests.faults.promises import run_twice
from tests.faults.ray_cluster import RayCluster
from tests.faults.test_lost_nodes import submit
from tests.faults.tiny_search import after, number

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

EPOCH = 0.5
SECONDS = 5.0
"""Seconds, beside an epoch, in which searches follow a change."""


@pytest.fixture
def cluster():
    """A head and two nodes of two CPUs each, on which an epoch takes a moment."""
    cluster = RayCluster(2, 2, TINY_SECONDS=str(EPOCH))
    try:
        yield cluster
    finally:
        cluster.end()


def long(trials):
    return ("--set", "resources={cpus: 1}", "--set", f"budget.trials={trials}", "--no-test")


def training(record, from_time=0.0):
    """(time, number of trainings with a worker) after each event; a report shows that one has a worker."""
    with_worker, steps = set(), []
    for each in record:
        event = each.event
        if isinstance(event, events.Reported):
            with_worker.add((event.trial, event.replicate))
        elif isinstance(event, events.TrialEnded | events.TrialPaused | events.WorkerLost):
            with_worker.discard((event.trial, event.replicate))
        if each.time >= from_time:
            steps.append((each.time, len(with_worker)))
    return steps


def seconds_until(steps, reached, begin):
    """Seconds after a time until a condition on the number of trainings holds for the first time."""
    return next((time for time, count in steps if time >= begin and reached(count)), float("inf")) - begin


def shares(place, name):
    """(time, workers) as the search recorded them."""
    return [(e.time, e.event.workers) for e in place.record(name) if isinstance(e.event, events.WorkersReady)]


@pytest.mark.parametrize("priority", [0, 1])
def test_two_searches_share_four_slots_and_each_trial_is_trained_once(place, cluster, priority):
    first = submit(place, cluster, *long(40))
    place.wait_for(first, after(events.WorkersReady, 1, workers=4))
    place.wait_for(first, after(events.Reported, 12))
    second = submit(place, cluster, *long(12), "--name", "tiny-2")
    place.wait_for(second, lambda place: len(place.record("tiny-2")) > 2)
    if priority:
        asked = place.run("service", "set", "tiny-2", "priority=1")
        assert asked.returncode == 0, asked.stderr
    assert second.wait(timeout=600) == 0, second.communicate()
    _, err = first.communicate(timeout=600)
    assert first.returncode == 0, err
    one, two = place.record("tiny-1"), place.record("tiny-2")
    begun = next(e.time for e in two if isinstance(e.event, events.WorkersReady))
    ended = min(one[-1].time, two[-1].time)
    later, rest = ("tiny-1", one) if one[-1].time > ended else ("tiny-2", two)
    assert [workers for _, workers in shares(place, later)][-1] == 4
    during = {workers for time, workers in shares(place, "tiny-1") if begun < time < ended}
    assert (1 if priority else 2) in during
    given_up = seconds_until(training(one), lambda count: count <= (1 if priority else 2), begun)
    taken_back = seconds_until(training(rest), lambda count: count == 4, ended)
    print(f"given up after {given_up:.1f} s, taken back after {taken_back:.1f} s")
    for record in (one, two):
        assert run_twice(record) == []
        assert (number(record, events.SearchEnded), number(record, events.WorkerLost)) == (1, 0)
