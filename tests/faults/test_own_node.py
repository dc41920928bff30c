"""The node beside the driver, on whose server Ray depends: it dies, its machine does, or it is frozen.

The machine of the driver is a namespace of processes, so that the driver finds no other node of the cluster.
"""

import signal
import subprocess

import psutil
import pytest

from hpo.core import events
from tests.faults.promises import check
from tests.faults.ray_cluster import TOKEN, RayCluster, is_root
from tests.faults.test_lost_nodes import check_as_undisturbed
from tests.faults.tiny_search import after, number

pytestmark = [
    pytest.mark.slow,
    pytest.mark.faults,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not is_root(), reason="only root can make namespaces"),
]

MACHINE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", '"$@"; sleep 900', "--")
"""Runs a node in a machine of its own, which outlives it."""


class OwnMachine:
    """A cluster of a head and one node, in whose machine a driver can run."""

    def __init__(self):
        self.cluster = RayCluster(TINY_SECONDS="0.3")
        self.node = self.cluster.add(2, within=MACHINE)
        (self.machine,) = psutil.Process(self.node.pid).children()

    def start(self, place, *arguments):
        """Start a command there."""
        entry = ("--target", str(self.machine.pid), "--pid", "--mount", f"--wdns={place.folder}", "--")
        address = ("--address", self.cluster.address)
        return place.start(*arguments, "--json", *address, within=("nsenter", *entry), **TOKEN)


@pytest.fixture
def own():
    own = OwnMachine()
    try:
        yield own
    finally:
        own.cluster.end()


def test_the_death_of_its_node_is_reported_by_the_driver_and_the_search_can_be_resumed(
    place, own, undisturbed
):
    process = own.start(place, "submit", "tiny.yaml")
    place.wait_for(process, after(events.Reported, 8))
    own.cluster.kill_raylet(own.node)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "this process's node is no longer part of the Ray cluster" in out + err
    assert "`hpo resume tiny-1` continues it" in out + err
    assert "Traceback" not in err
    assert isinstance(place.record()[-1].event, events.SearchEnded)
    check_as_undisturbed(place, place.start("resume", "tiny-1", "--json"), undisturbed)


def test_after_the_death_of_its_machine_a_search_is_resumed_elsewhere(place, own, undisturbed):
    process = own.start(place, "submit", "tiny.yaml")
    place.wait_for(process, after(events.Reported, 8))
    own.machine.kill()
    process.communicate(timeout=60)
    killed, runs = place.record(), place.runs()
    seconds = place.resumed()
    check("SIGKILL to the driver's machine", place, undisturbed, killed, runs, seconds)


def test_a_frozen_node_beside_the_driver_is_named_within_a_minute_and_the_search_can_be_resumed(
    place, own, undisturbed
):
    own.cluster.freeze(own.node)
    process = own.start(place, "submit", "tiny.yaml")
    try:
        out, err = process.communicate(timeout=200)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    assert process.returncode == 1
    assert "has not accepted this process within 45 s" in out + err or "hpo ended before" in err, err
    assert "resume tiny-1` continues" in out + err
    assert "Traceback" not in err
    assert number(place.record(), events.TrialStarted) == 0
    own.cluster.freeze(own.node, signal.SIGCONT)
    check_as_undisturbed(place, own.start(place, "resume", "tiny-1"), undisturbed)
