"""Checks of a cluster's nodes before their first trial: the home, the user's code, the data, the versions.

A node that fails a check is set aside, by name, instead of failing the trials that it would be given.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from platform import python_version
from typing import Any

from hpo.core.fresh_seeds import SEARCH
from hpo.running.cluster import ClusterNode
from hpo.running.environment import TrainingEnvironment

DEADLINE = 60.0
"""Seconds in which a node has to pass; opening data and importing libraries take some of them."""

AGAIN = 60.0
"""Seconds after which a node that was set aside is checked again."""


def setup_fault(marker: Path, environment: TrainingEnvironment) -> str:
    """Return what is wrong with this machine for a search; empty if nothing is.

    Args:
        marker: A file that the driver has put into the search's folder.
        environment: What all trainings of the search have in common.
    """
    if not marker.exists():
        return f"it does not see {marker.parent}, a folder of the home"
    differing = _differences(environment.versions)
    if differing:
        return f"its versions differ: {', '.join(differing)}"
    try:
        environment.open().parts(SEARCH)
    except BaseException as error:  # whatever user code raises, a trial would fail with it
        return f"it cannot load the training code or the data: {type(error).__name__}: {error}"
    return ""


def _differences(expected: Mapping[str, str]) -> list[str]:
    found = {name: _version(name) for name in expected}
    return [f"{name} {found[name]} instead of {version}" for name, version in expected.items()
            if found[name] != version]  # fmt: skip


def _version(package: str) -> str:
    try:
        return python_version() if package == "python" else metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


@dataclass
class _Running:
    result: Any
    deadline: float


class NodeChecks:
    """Which nodes of a cluster may be given trainings.

    Args:
        folder: The search's folder, for the marker.
        start: Starts the check of a node, by its id, with the marker; returns something to poll.
        poll: Returns a check's fault, or None while it runs.
        clock: Returns monotonic seconds.
    """

    def __init__(
        self,
        folder: Path,
        start: Callable[[str, Path], Any],
        poll: Callable[[Any], str | None],
        clock: Callable[[], float] = time.monotonic,
    ):
        folder.mkdir(parents=True, exist_ok=True)
        self._marker = folder / f".seen-{secrets.token_hex(8)}"
        self._marker.touch()
        self._start, self._poll, self._clock = start, poll, clock
        self._running: dict[str, _Running] = {}
        self._again: dict[str, float] = {}
        self._said: set[tuple[str, str]] = set()
        self.passed: frozenset[str] = frozenset()
        self.faults: dict[str, str] = {}

    def update(self, nodes: tuple[ClusterNode, ...]) -> list[str]:
        """Start and collect checks; return a sentence for each node that was newly set aside."""
        alive = {node.id: node for node in nodes}
        self.passed &= alive.keys()
        for gone in [*(self.faults.keys() - alive.keys()), *(self._running.keys() - alive.keys())]:
            self.faults.pop(gone, None)
            self._running.pop(gone, None)
        now = self._clock()
        for node_id in alive:
            due = self._again.get(node_id, 0.0) <= now
            if node_id not in self.passed and node_id not in self._running and due:
                self._running[node_id] = _Running(self._start(node_id, self._marker), now + DEADLINE)
        return [text for node_id in list(self._running) if (text := self._collect(alive[node_id], now))]

    def set_aside(self, node_id: str, fault: str) -> None:
        """Give a node nothing more until it passes a later check."""
        self.passed -= {node_id}
        self.faults[node_id] = fault
        self._again[node_id] = self._clock() + AGAIN

    def close(self) -> None:
        """Remove the marker."""
        self._marker.unlink(missing_ok=True)

    def _collect(self, node: ClusterNode, now: float) -> str:
        running = self._running[node.id]
        fault = self._poll(running.result)
        if fault is None and now < running.deadline:
            return ""
        del self._running[node.id]
        if fault == "":
            self.passed |= {node.id}
            self.faults.pop(node.id, None)
            return ""
        fault = fault or f"it did not answer within {DEADLINE:g} s"
        self.set_aside(node.id, fault)
        if (node.id, fault) in self._said:
            return ""
        self._said.add((node.id, fault))
        return f"node {node} is set aside: {fault}"


def ray_checks(environment: TrainingEnvironment) -> NodeChecks:
    """Return the checks of the cluster to which this process is connected."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    remote = ray.remote(num_cpus=0, max_retries=0)(setup_fault)
    shared = ray.put(environment)

    def start(node_id: str, marker: Path) -> Any:
        strategy = NodeAffinitySchedulingStrategy(node_id, soft=False)
        return remote.options(scheduling_strategy=strategy).remote(marker, shared)

    def poll(reference: Any) -> str | None:
        ready, _ = ray.wait([reference], timeout=0)
        if not ready:
            return None
        try:
            return str(ray.get(reference, timeout=5))
        except Exception as error:  # the node died, or it cannot even load this function
            last = str(error).strip().splitlines()[-1:]
            return f"it cannot run hpo: {last[0].strip() if last else type(error).__name__}"

    return NodeChecks(environment.folder.root, start, poll)
