"""A search on a cluster whose nodes are killed, drained, frozen and added: it ends as if undisturbed."""

import signal
import time

import pytest

from hpo.core import events
from hpo.core.events import End, LossCause
from tests.faults.promises import check_replay, run_twice, scores
from tests.faults.ray_cluster import TOKEN, RayCluster
from tests.faults.tiny_search import after, decisions, has_workers, number, without_announcements

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FOUR = ("--set", "resources.trials_at_once=4")


@pytest.fixture
def cluster(request):
    """A head and two nodes of two CPUs each or as a test says, on which an epoch takes a moment."""
    cluster = RayCluster(*getattr(request, "param", [2, 2]), TINY_SECONDS="0.3")
    try:
        yield cluster
    finally:
        cluster.end()


def submit(place, cluster, *arguments, **options):
    return place.start(
        "submit", "tiny.yaml", "--json", "--address", cluster.address, *arguments, **options, **TOKEN
    )


def warnings(place):
    return [e.event.message for e in place.record() if isinstance(e.event, events.Warned)]


def lost(place, node_id):
    return [text for text in warnings(place) if f"({node_id[:8]}) was lost" in text]


def causes(record):
    return {each.event.cause for each in record if isinstance(each.event, events.WorkerLost)}


def check_whole(place, process, trials=12):
    """Every trial ended well, and the test part was opened once."""
    _, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    assert without_announcements(err) == ""
    record = place.record()
    ends = [e.event for e in record if isinstance(e.event, events.TrialEnded)]
    assert End.FAILED not in {end.end for end in ends}
    assert len({(end.trial, end.replicate) for end in ends}) == len(ends)
    assert sum(end.replicate == 0 for end in ends) == trials
    assert run_twice(record) == []
    assert (place.openings(), place.reads(), number(record, events.TestScored)) == (1, 1, 1)
    return record


def check_as_undisturbed(place, process, undisturbed):
    """The same trials, values, winner and score as without a cluster."""
    record = check_whole(place, process)
    assert decisions(record) == decisions(undisturbed)
    assert scores(record) == scores(undisturbed)
    check_replay(record)
    return record


def test_after_the_death_of_its_nodes_server_a_search_ends_as_undisturbed(place, cluster, undisturbed):
    process = submit(place, cluster)
    place.wait_for(process, after(events.Reported, 8))
    with place.held():
        (node,) = (node for node in cluster.nodes if cluster.workers(node))
        cluster.kill_raylet(node)
    place.hurry()
    record = check_as_undisturbed(place, process, undisturbed)
    assert number(record, events.WorkerLost) == 1
    assert causes(record) == {LossCause.NODE_LOST}


def test_trials_leave_a_draining_node_saved_and_count_nothing(place, cluster, undisturbed):
    process = submit(place, cluster, "--set", "limits={checkpoint_seconds: 600, worker_losses: 1}")
    place.wait_for(process, after(events.Reported, 12))  # the second trial has trained a third of its epochs
    (node,) = (node for node in cluster.nodes if cluster.workers(node))
    with place.held():  # on a busy machine the search would end before the order arrives
        cluster.drain(node)
        place.wait_for(process, lambda _: any("is being drained" in text for text in warnings(place)))
    place.wait_for(process, after(events.WorkerLost))
    place.hurry()
    record = check_as_undisturbed(place, process, undisturbed)
    assert causes(record) == {LossCause.PREEMPTED}
    reached, saved = {}, {}
    for event in (recorded.event for recorded in record):
        if isinstance(event, events.Reported | events.Checkpointed):
            into = reached if isinstance(event, events.Reported) else saved
            into[event.trial, event.replicate] = event.epoch
        if isinstance(event, events.WorkerLost):
            assert saved[event.trial, event.replicate] == reached[event.trial, event.replicate]


def test_a_joining_node_is_used_a_draining_one_is_left_and_a_killed_one_costs_little(place, cluster):
    process = submit(place, cluster, "--set", "resources.trials_at_once=6", "--set", "budget.trials=70")
    place.wait_for(process, after(events.Reported, 4))
    with place.held():  # on a busy machine the search would end before its nodes come and go
        joined, began = cluster.add(2), time.monotonic()
        place.wait_for(process, lambda place: cluster.trains(joined))
        print(f"a new node trains {time.monotonic() - began:.1f} s after it is up")
        place.wait_for(process, has_workers(6))
        (drained,) = cluster.ids(cluster.nodes[0])
        cluster.drain(cluster.nodes[0])
        place.wait_for(process, lambda _: any("is being drained" in text for text in warnings(place)))
    place.wait_for(process, has_workers(4))
    (killed,) = cluster.ids(cluster.nodes[1])
    with place.held():  # the head notices a lost node later than workers do; the search would end before
        cluster.kill(cluster.nodes[1])
        place.wait_for(process, lambda _: lost(place, killed))
    place.hurry()
    record = check_whole(place, process, trials=70)
    losses = [each.event.cause for each in record if isinstance(each.event, events.WorkerLost)]
    assert set(losses) <= {LossCause.NODE_LOST, LossCause.PREEMPTED}
    assert 1 <= losses.count(LossCause.NODE_LOST) <= 2
    assert any("is being drained; it is given no further trial" in text for text in warnings(place))
    assert len(lost(place, killed)) == 1
    assert not lost(place, drained)


def test_a_node_that_is_suspended_for_a_while_costs_nothing(place, cluster):
    process = submit(place, cluster, *FOUR)
    place.wait_for(process, after(events.Reported, 8))
    with place.held():
        cluster.freeze(cluster.nodes[0])
    before = len(place.glance())
    place.wait_for(process, lambda place: len(place.glance()) > before + 10)
    cluster.freeze(cluster.nodes[0], signal.SIGCONT)
    place.hurry()
    record = check_whole(place, process)
    assert number(record, events.WorkerLost) <= 2


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("cluster", [[1]], indirect=True)
def test_a_lost_head_is_reported_in_time_and_the_search_can_be_resumed(place, cluster, undisturbed, again):
    process = submit(place, cluster)
    place.wait_for(process, after(events.Reported, 8))
    port = cluster.address.split(":")[1]
    with place.held():
        cluster.kill(cluster.head)
    if again:
        cluster.start_head(port)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "of the Ray cluster" in out + err
    assert "hpo resume tiny-1" in out + err
    assert "Traceback" not in err
    assert "gcs" not in err.lower()
    check_as_undisturbed(place, place.start("resume", "tiny-1", "--json"), undisturbed)
