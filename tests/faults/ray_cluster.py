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
from types import MappingProxyType

import psutil

from tests.faults.tiny_search import ROOT
from tests.s3_store import free_port

RAY = str(Path(sys.executable).with_name("ray"))
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0123456789abcdef" * 4}

PATIENT = {
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_worker_register_timeout_seconds": "300",
    "RAY_worker_niceness": "0",
}
"""Environment in which nodes and workers on a busy machine have time to start."""

STORE = 96 * 2**20
"""Bytes for objects on each node; only tasks and messages pass through Ray."""

BOUND = ("setpriv", "--pdeathsig", "TERM") if shutil.which("setpriv") else ()
"""Ends a node if the tests are killed."""


class RayCluster:
    """A head without CPUs and nodes beside it, each a `ray start --block` with what it started.

    Args:
        *cpus: CPUs of each node beside the head.
        head: Environment variables of the head.
        host: Address of this machine by which its nodes listen.
        python: Interpreter with the packages of Ray's job server, which the head then has; None for neither.
        **environment: Environment variables of these nodes, and of the trainings on them.

    Attributes:
        address: Address of the head.
        jobs: Address of its job server; empty without one.
        nodes: The nodes started with the cluster.
    """

    def __init__(self, *cpus, head=MappingProxyType({}), host="127.0.0.1", python=None, **environment):
        self.folder = Path(tempfile.mkdtemp(prefix="hc"))  # a short name, because of Ray's sockets
        self._started: list[subprocess.Popen] = []
        self.environment, self._head_environment, self._host = environment, head, host
        self._ray = (RAY,) if python is None else (str(python), "-m", "ray.scripts.scripts")
        try:
            self.start_head()
            self.nodes = [self._join(count) for count in cpus]
            for node in self.nodes:
                self._wait_until_up(node)
        except BaseException:
            self.end()
            raise

    def start_head(self, port=0):
        """Start a head, at a given port or any."""
        served = str(self._ray != (RAY,)).lower()
        options = ("--head", f"--port={port}", f"--include-dashboard={served}", "--dashboard-port=0")
        # Jobs are started by an agent, whose usual port another cluster of this machine may have.
        options = (*options, f"--dashboard-agent-listen-port={free_port()}")
        self.head = self._start(0, *options, **self._head_environment)
        text = self._wait_until_up(self.head)
        self.address = re.search(r"--address='([\d.]+:\d+)'", text).group(1)
        jobs = re.search(r"RAY_API_SERVER_ADDRESS='([^']+)'", text)
        self.jobs = jobs.group(1) if jobs else ""

    def add(self, cpus=1, within=(), gpus=0, labels=None, custom=None, host="", **environment):
        """Start a node; return its process.

        Args:
            cpus: Its CPUs.
            within: Command that runs the node, such as one that enters a namespace.
            gpus: GPUs that it declares, whether or not the machine has them.
            labels: Its labels.
            custom: Its custom resources.
            host: Address by which it listens; that of this machine by default.
            **environment: Further environment variables.
        """
        pairs = ",".join(f"{name}={value}" for name, value in (labels or {}).items())
        kind = (f"--num-gpus={gpus}", f"--labels={pairs}", f"--resources={json.dumps(custom or {})}")
        node = self._join(cpus, *kind, within=within, host=host, **environment)
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
        return [process for process in self._family(node) if "TrainingActor" in command_of(process)]

    def trains(self, node):
        """Whether a worker on a node was asked for a message."""
        return any("TrainingActor.train" in command_of(worker) for worker in self.workers(node))

    def kill_raylet(self, node):
        """SIGKILL only the server of a node."""
        for process in self._family(node):
            if "raylet/raylet" in command_of(process):
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
            found = re.search(r"--node_id=([0-9a-f]{56})", command_of(process))
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

    def _join(self, cpus, *options, within=(), host="", **environment):
        options = (f"--address={self.address}", *options)
        return self._start(cpus, *options, within=within, host=host, **self.environment | environment)

    def _start(self, cpus, *options, within=(), host="", **environment):
        number = len(self._started)
        lean = ("--disable-usage-stats", "--include-log-monitor=false", f"--object-store-memory={STORE}")
        own = f"--temp-dir={self.folder / f'h{number}'}"  # nodes that start at once share no names of sockets
        command = [
            *BOUND,
            *within,
            *self._ray,
            "start",
            "--block",
            f"--num-cpus={cpus}",
            *lean,
            own,
            *options,
        ]
        log = self.folder / f"{number}.log"
        with log.open("w") as file:
            node = subprocess.Popen(
                [*command, f"--node-ip-address={host or self._host}"],
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


def command_of(process):
    """Return the command line of a process; empty if it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def is_root():
    """Whether namespaces can be made."""
    return os.geteuid() == 0 and shutil.which("unshare") and shutil.which("nsenter")


def _environment():
    return {**os.environ, **TOKEN, "RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(ROOT)} | PATIENT
