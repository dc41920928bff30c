"""A node whose network is cut: nothing refuses a connection, nothing answers, its trials continue elsewhere.

The node runs in a network namespace, joined to this machine by a pair of virtual devices.
"""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from hpo.core import events
from hpo.core.events import LossCause
from tests.faults.ray_cluster import RayCluster, is_root
from tests.faults.test_lost_nodes import causes, check_as_undisturbed, submit
from tests.faults.tiny_search import after, number

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not (is_root() and shutil.which("ip")), reason="only root can cut a network"),
]

HERE, THERE = "10.213.77.1", "10.213.77.2"
IMPATIENT_HEAD = {
    f"RAY_health_check_{name}": value
    for name, value in {"period_ms": "1000", "timeout_ms": "2000", "failure_threshold": "5"}.items()
}
"""With which the head gives up a node that does not answer after seconds; by default it takes a minute."""


class Cable:
    """A network namespace and its connection to this machine, which can be cut."""

    def __init__(self):
        self.device = f"hpo{os.getpid()}"
        self._holder = subprocess.Popen(["unshare", "--net", "sleep", "900"])
        self.within = ("nsenter", "--target", str(self._holder.pid), "--net", "--")

    def lay(self):
        """Connect the namespace; return whether that is possible here."""
        while self._network(self._holder.pid) == self._network("self"):
            if self._holder.poll() is not None:
                return False
            time.sleep(0.01)
        peer = f"{self.device}b"
        pair = ("link", "add", self.device, "type", "veth", "peer", "name", peer)
        steps = [
            ("ip", *pair, "netns", str(self._holder.pid)),
            ("ip", "address", "add", f"{HERE}/30", "dev", self.device),
            ("ip", "link", "set", self.device, "up"),
            (*self.within, "ip", "address", "add", f"{THERE}/30", "dev", peer),
            (*self.within, "ip", "link", "set", peer, "up"),
            (*self.within, "ip", "link", "set", "lo", "up"),
        ]
        return all(subprocess.run(step, capture_output=True, check=False).returncode == 0 for step in steps)

    @staticmethod
    def _network(pid):
        return Path(f"/proc/{pid}/ns/net").readlink()

    def cut(self):
        """Lose every packet from now on."""
        subprocess.run(["ip", "link", "set", self.device, "down"], check=True)

    def end(self):
        """Remove the devices and the namespace."""
        subprocess.run(["ip", "link", "delete", self.device], capture_output=True, check=False)
        self._holder.kill()
        self._holder.wait()


@pytest.fixture
def cable():
    cable = Cable()
    try:
        if not cable.lay():
            pytest.skip("no virtual network devices can be made here")
        yield cable
    finally:
        cable.end()


def test_a_node_whose_network_is_cut_is_given_up_and_the_search_ends_as_undisturbed(
    place, cable, undisturbed
):
    cluster = RayCluster(head=IMPATIENT_HEAD, host=HERE, TINY_SECONDS="0.3")
    try:
        far = cluster.add(1, within=cable.within, host=THERE)
        process = submit(place, cluster)
        place.wait_for(process, after(events.Reported, 8))
        with place.held():
            assert cluster.workers(far)
            cable.cut()
        cluster.add(1)
        place.hurry()
        record = check_as_undisturbed(place, process, undisturbed)
        assert number(record, events.WorkerLost) == 1
        assert causes(record) == {LossCause.NODE_LOST}
    finally:
        cluster.end()
