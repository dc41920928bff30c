"""Two searches on a cluster of four slots share them by priority, and the one that is left takes all four."""

import shutil

import pytest

from hpo.core import events
from tests.faults.promises import run_twice
from tests.faults.ray_cluster import TOKEN, RayCluster
from tests.faults.test_lost_nodes import submit
from tests.faults.tiny_search import after, has_workers, number

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def cluster():
    """A head and two nodes of two CPUs each, on which an epoch takes so long that commands are quicker."""
    cluster = RayCluster(2, 2, TINY_SECONDS="2")
    try:
        yield cluster
    finally:
        cluster.end()


def long(trials):
    return ("--set", "resources={cpus: 1}", "--set", f"budget.trials={trials}", "--no-test")


def test_two_searches_share_four_slots_by_priority_and_each_trial_is_trained_once(place, cluster):
    first = submit(place, cluster, *long(40))
    place.wait_for(first, after(events.Reported, 8))  # one of the nodes may pass its checks before the other
    place.wait_for(first, has_workers(4))
    folder = place.folder / "second"  # it hurries by itself
    folder.mkdir()
    for name in ("tiny.yaml", "tiny_data.py", "tiny_model.py"):
        shutil.copy(place.folder / name, folder)
    address = ("--address", cluster.address)
    second = place.start(
        "submit", "second/tiny.yaml", "--json", *address, *long(12), "--name", "tiny-2", **TOKEN
    )
    place.wait_for(first, has_workers(2))
    raised = place.run("service", "set", "tiny-2", "priority=1")
    assert raised.returncode == 0, raised.stderr
    place.wait_for(first, has_workers(1))
    (folder / "hurry").touch()
    _, err = second.communicate(timeout=400)
    assert second.returncode == 0, err
    place.wait_for(first, has_workers(4))
    place.hurry()
    _, err = first.communicate(timeout=400)
    assert first.returncode == 0, err
    for record in (place.record("tiny-1"), place.record("tiny-2")):
        assert run_twice(record) == []
        assert (number(record, events.SearchEnded), number(record, events.WorkerLost)) == (1, 0)
