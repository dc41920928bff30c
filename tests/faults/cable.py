"""A network of two machines on one: a namespace whose connection to this machine can be cut."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults.ray_cluster import is_root

HERE, THERE = "10.213.77.1", "10.213.77.2"
"""Addresses of this machine and of the namespace."""

needs_network = pytest.mark.skipif(
    not (is_root() and shutil.which("ip")), reason="only root can cut a network"
)


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

    def mend(self):
        """Deliver packets again."""
        subprocess.run(["ip", "link", "set", self.device, "up"], check=True)

    def end(self):
        """Remove the devices and the namespace."""
        subprocess.run(["ip", "link", "delete", self.device], capture_output=True, check=False)
        self._holder.kill()
        self._holder.wait()
