"""A search on a cluster whose nodes are killed, drained, frozen and added: it ends as if undisturbed."""

import os
import signal

import pytest

from hpo.core import events
from hpo.core.events import End
from tests.faults.ray_cluster import TOKEN, RayCluster
from tests.faults.tiny_search import after, number

pytestmark = [pytest.mark.slow, pytest.mark.faults, pytest.mark.timeout(600)]

SLOW = ("--set", "recipe.seconds=0.3", "--set", "resources.trials_at_once=4", "--set", "budget.trials=10")


@pytest.fixture
def cluster():
    """A head and two nodes of two CPUs each."""
    cluster = RayCluster()
    try:
        cluster.nodes = [cluster.add(2) for _ in range(2)]
        yield cluster
    finally:
        cluster.end()


def submit(place, cluster, *arguments):
    return place.start(
        "submit", "tiny.yaml", "--json", "--address", cluster.address, *SLOW, *arguments, **TOKEN
    )


def warnings(place):
    return [e.event.message for e in place.record() if isinstance(e.event, events.Warned)]


def check_whole(place, process, trials=10):
    """Every trial ended well, and the test part was opened once."""
    _, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    record = place.record()
    ends = [e.event for e in record if isinstance(e.event, events.TrialEnded)]
    assert End.FAILED not in {end.end for end in ends}
    assert len({(end.trial, end.replicate) for end in ends}) == len(ends)
    assert sum(end.replicate == 0 for end in ends) == trials
    assert (place.openings(), number(record, events.TestScored)) == (1, 1)
    return record


def test_a_killed_node_costs_its_trials_at_most_a_checkpoint_interval(place, cluster):
    process = submit(place, cluster, "--set", "budget.trials=24")  # Ray takes some seconds to notice
    place.wait_for(process, after(events.Reported, 8))
    cluster.kill(cluster.nodes[0])
    record = check_whole(place, process, trials=24)
    assert 1 <= number(record, events.WorkerLost) <= 2
    assert sum("was lost" in text for text in warnings(place)) == 1


def test_a_joining_node_is_used_and_a_draining_one_is_left(place, cluster):
    cluster.kill(cluster.nodes[1])
    process = submit(place, cluster)
    place.wait_for(process, after(events.Reported, 4))
    cluster.add(2)
    place.wait_for(process, after(events.WorkersReady, 1, workers=4))
    cluster.drain(cluster.nodes[0])
    place.wait_for(process, after(events.WorkersReady, 2, workers=2))
    check_whole(place, process)
    assert any("is being drained; it is given no further trial" in text for text in warnings(place))


def test_a_node_that_is_suspended_for_a_while_costs_nothing(place, cluster):
    process = submit(place, cluster)
    place.wait_for(process, after(events.Reported, 8))
    before = len(place.glance())
    cluster.freeze(cluster.nodes[0])
    place.wait_for(process, lambda place: len(place.glance()) > before + 10)
    cluster.freeze(cluster.nodes[0], signal.SIGCONT)
    record = check_whole(place, process)
    assert number(record, events.WorkerLost) <= 2


def test_a_node_without_the_users_code_is_named_and_costs_no_trial(place, cluster, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "sitecustomize.py").write_text("import sys\nsys.modules['tiny_model'] = None\n")
    cluster.add(2, PYTHONPATH=os.pathsep.join((str(elsewhere), place.path(elsewhere))))
    record = check_whole(place, submit(place, cluster))
    assert number(record, events.WorkerLost) == 0
    (text,) = [text for text in warnings(place) if "is set aside" in text]
    assert "cannot load the training code" in text


@pytest.mark.parametrize("again", [False, True])
def test_a_lost_head_is_reported_in_time_and_the_search_can_be_resumed(place, cluster, again):
    process = submit(place, cluster)
    place.wait_for(process, after(events.Reported, 8))
    port = cluster.address.split(":")[1]
    cluster.kill(cluster.head)
    if again:
        cluster.start_head(port)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "of the Ray cluster has not answered" in out + err
    assert "hpo resume tiny-1" in out + err
    assert "Traceback" not in err
    assert "gcs" not in err.lower()
    resumed = place.start("resume", "tiny-1", "--json")
    check_whole(place, resumed)


def test_a_trial_that_no_single_node_can_hold_is_refused_before_the_search_is_opened(place, cluster):
    done = place.run(
        "submit", "tiny.yaml", "--address", cluster.address, "--set", "resources.cpus=3", **TOKEN
    )
    assert done.returncode == 2
    assert "a trial needs 3 CPUs and 0 GPUs on one node" in done.stderr
    assert done.stderr.count(": 2 CPUs and 0 GPUs") == 2
    assert place.record() == []
