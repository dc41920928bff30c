"""The node beside the driver, on whose server Ray depends: it dies, its machine does, or it is frozen.

The machine of the driver is a namespace of processes, so that the driver finds no other node of the cluster.
"""

import os
import signal
import subprocess
import sys

import psutil
import pytest

from hpo.core import events
from tests.faults.promises import check
from tests.faults.ray_cluster import TOKEN, RayCluster, is_root
from tests.faults.test_lost_nodes import check_as_undisturbed
from tests.faults.tiny_search import after, number

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not is_root(), reason="only root can make namespaces"),
]

MACHINE = ("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", '"$@"; sleep 900', "--")
"""Runs a node in a machine of its own, which outlives it."""

PATIENT_HEAD = {"RAY_health_check_failure_threshold": "1000"}
"""With which a node that does not answer stays in the cluster. One that is thawed after the head gave it up
ends itself, at a time that depends on how busy the machine is."""


class OwnMachine:
    """A cluster of a head and one node, in whose machine a driver can run."""

    def __init__(self):
        self.cluster = RayCluster(head=PATIENT_HEAD, TINY_SECONDS="0.3")
        self.node = self.cluster.add(2, within=MACHINE)
        (self.machine,) = psutil.Process(self.node.pid).children()

    def entry(self, place):
        """Return the beginning of a command that runs there."""
        namespaces = ("--pid", "--mount", f"--wdns={place.folder}", "--")
        return ("nsenter", "--target", str(self.machine.pid), *namespaces)

    def start(self, place, *arguments):
        """Start a command of hpo there."""
        address = ("--address", self.cluster.address)
        return place.start(*arguments, "--json", *address, within=self.entry(place), **TOKEN)


@pytest.fixture
def own():
    own = OwnMachine()
    try:
        yield own
    finally:
        own.cluster.end()


def ended_with(process, sentence):
    """The driver says a sentence and how to continue, within minutes and without a traceback."""
    out, err = process.communicate(timeout=200)
    assert process.returncode == 1, err
    assert sentence in out + err
    assert "resume tiny-1` continues" in out + err
    assert "Traceback" not in err


def interrupted(place):
    """The record ends with a warning: the search has not ended, and goes on when its cluster is back."""
    return isinstance(place.record()[-1].event, events.Warned)


def test_a_frozen_node_and_the_death_of_a_node_are_reported_and_the_search_can_be_resumed(
    place, own, undisturbed
):
    own.cluster.freeze(own.node)
    ended_with(own.start(place, "submit", "tiny.yaml"), "beside this process has not answered for 20 s")
    assert number(place.record(), events.TrialStarted) == 0
    assert interrupted(place)
    own.cluster.freeze(own.node, signal.SIGCONT)
    wait_until_it_accepts(place, own)
    process = own.start(place, "resume", "tiny-1")
    place.wait_for(process, after(events.Reported, 8))
    own.cluster.kill_raylet(own.node)
    ended_with(process, "this process's node is no longer part of the Ray cluster")
    assert interrupted(place)
    check_as_undisturbed(place, place.start("resume", "tiny-1", "--json"), undisturbed)


def test_after_the_death_of_its_machine_a_search_is_resumed_elsewhere(place, own, undisturbed):
    process = own.start(place, "submit", "tiny.yaml")
    place.wait_for(process, after(events.Reported, 8))
    own.machine.kill()
    process.communicate(timeout=60)
    killed, runs = place.record(), place.runs()
    seconds = place.resumed()
    check("SIGKILL to the driver's machine", place, undisturbed, killed, runs, seconds)


@pytest.mark.faults
def test_a_node_that_freezes_while_a_search_runs_is_reported_before_ray_ends_the_driver(
    place, own, undisturbed
):
    process = own.start(place, "submit", "tiny.yaml")
    place.wait_for(process, after(events.Reported, 8))
    own.cluster.freeze(own.node)
    ended_with(process, "this process's node of the Ray cluster has not answered for 4")
    assert interrupted(place)
    check_as_undisturbed(place, place.start("resume", "tiny-1", "--json"), undisturbed)


def wait_until_it_accepts(place, own):
    """Have a process join the cluster in the machine of the node; on a busy one the node needs a while."""
    code = "import ray, sys; ray.init(address=sys.argv[1], log_to_driver=False)"
    command = [*own.entry(place), sys.executable, "-c", code, own.cluster.address]
    subprocess.run(command, env=os.environ | TOKEN, check=True, capture_output=True, timeout=300)
