"""A Ray cluster of separate processes on this machine, whose nodes a test can lose, drain, freeze and add."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests.faults.tiny_search import ROOT

RAY = str(Path(sys.executable).with_name("ray"))
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}

PATIENT = {"RAY_raylet_start_wait_time_s": "300"}
"""Environment in which a node on a busy machine has time to start."""

BOUND = ("setpriv", "--pdeathsig", "TERM") if shutil.which("setpriv") else ()
"""Ends a node if the tests are killed."""


class RayCluster:
    """A head without CPUs and nodes beside it, each a `ray start --block` with what it started.

    Args:
        *cpus: CPUs of each node beside the head.
        **environment: Environment variables of these nodes, and of the trainings on them.

    Attributes:
        address: Address of the head.
        nodes: The nodes started with the cluster.
    """

    def __init__(self, *cpus, **environment):
        self.folder = Path(tempfile.mkdtemp(prefix="hc"))  # a short name, because of Ray's sockets
        self._started: list[subprocess.Popen] = []
        self.environment = environment
        try:
            self.start_head()
            self.nodes = [self.add(count) for count in cpus]
        except BaseException:
            self.end()
            raise

    def start_head(self, port=0):
        """Start a head, at a given port or any."""
        folder = self.folder / f"h{len(self._started)}"  # Ray looks for a running head by this folder
        options = ("--head", f"--port={port}", "--include-dashboard=false", f"--temp-dir={folder}")
        self.head = self._start(0, *options)
        text = self._wait_until_up(self.head)
        self.address = re.search(r"--address='([\d.]+:\d+)'", text).group(1)

    def add(self, cpus=1, within=(), gpus=0, labels=None, custom=None, **environment):
        """Start a node; return its process.

        Args:
            cpus: Its CPUs.
            within: Command that runs the node, such as one that enters a namespace.
            gpus: GPUs that it declares, whether or not the machine has them.
            labels: Its labels.
            custom: Its custom resources.
            **environment: Further environment variables.
        """
        environment = self.environment | environment
        pairs = ",".join(f"{name}={value}" for name, value in (labels or {}).items())
        kind = (f"--num-gpus={gpus}", f"--labels={pairs}", f"--resources={json.dumps(custom or {})}")
        node = self._start(cpus, f"--address={self.address}", *kind, within=within, **environment)
        self._wait_until_up(node)
        return node

    def kill(self, node):
        """SIGKILL a node and everything that it started."""
        family = self._family(node)
        for process in family:
            process.kill()
        node.wait(30)
        psutil.wait_procs(family, timeout=30)  # a head's port is free once its servers are gone

    def workers(self, node):
        """Processes that train on a node."""
        return [process for process in self._family(node) if "TrainingActor" in " ".join(process.cmdline())]

    def kill_raylet(self, node):
        """SIGKILL only the server of a node."""
        for process in self._family(node):
            if process.name() == "raylet":
                process.kill()

    def freeze(self, node, signal_number=signal.SIGSTOP):
        """Suspend a node; SIGCONT resumes it."""
        for process in self._family(node):
            with suppress(psutil.NoSuchProcess):  # a short-lived child
                process.send_signal(signal_number)

    def drain(self, node, seconds=60):
        """Have a node drained as before the end of a spot machine."""
        (node_id,) = self.ids(node)
        command = [RAY, "drain-node", f"--address={self.address}", "--node-id", node_id]
        reason = ["--reason", "DRAIN_NODE_REASON_PREEMPTION", "--reason-message", "test"]
        deadline = ["--deadline-remaining-seconds", str(seconds)]
        subprocess.run([*command, *reason, *deadline], env=_environment(), check=True, capture_output=True)

    def ids(self, node):
        """Ids that Ray gave a node."""
        for process in self._family(node):
            found = re.search(r"--node_id=([0-9a-f]{56})", " ".join(process.cmdline()))
            if found:
                return [found.group(1)]
        return []

    def end(self):
        """End every node and its remaining processes."""
        family = [process for node in self._started for process in self._family(node)]
        for process in family:
            if process.is_running():
                process.send_signal(signal.SIGCONT)
                process.kill()
        for node in self._started:
            node.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, cpus, *options, within=(), **environment):
        options = (f"--num-cpus={cpus}", "--disable-usage-stats", *options)
        command = [*BOUND, *within, RAY, "start", "--block", *options]
        log = self.folder / f"{len(self._started)}.log"
        with log.open("w") as file:
            node = subprocess.Popen(
                [*command, "--node-ip-address=127.0.0.1"],
                env=_environment() | environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
            )
        node.log = log
        self._started.append(node)
        return node

    @staticmethod
    def _wait_until_up(node, seconds=400):
        end = time.monotonic() + seconds
        while "--block" not in node.log.read_text():  # the last line it prints once it is up
            if node.poll() is not None or time.monotonic() > end:
                raise AssertionError(node.log.read_text())
            time.sleep(0.05)
        return node.log.read_text()

    @staticmethod
    def _family(node):
        if node.poll() is not None:
            return []
        process = psutil.Process(node.pid)
        return [*process.children(recursive=True), process]


def is_root():
    """Whether namespaces can be made."""
    return os.geteuid() == 0 and shutil.which("unshare") and shutil.which("nsenter")


def _environment():
    return {**os.environ, **TOKEN, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)} | PATIENT
