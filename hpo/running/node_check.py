"""Checks of a cluster's nodes before their first trial: the home, the user's code, the data, the versions.

A node that fails a check is set aside, by name, instead of failing the trials that it would be given.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from hpo.running.cluster import ClusterNode
from hpo.running.environment import TrainingEnvironment
from hpo.running.node_faults import DEADLINE

AGAIN = 60.0
"""Seconds after which a node that was set aside is checked again."""

GONE_SECONDS = 5.0
"""Seconds after which a node is checked again that was lost during its check, or came back since."""


class NodeGone(Exception):
    """A check had no result because its node was lost."""


class FilesComing(Exception):
    """A check has no result yet because data and code are on their way to its node."""


def with_marker(environment: TrainingEnvironment) -> TrainingEnvironment:
    """Return an environment with a new marker, a file by which nodes recognise that they see the home."""
    folder = environment.folder.root
    folder.mkdir(parents=True, exist_ok=True)
    marker = folder / f".seen-{secrets.token_hex(8)}"
    marker.touch()
    return replace(environment, marker=marker)


@dataclass
class _Running:
    result: Any
    deadline: float


class NodeChecks:
    """Which nodes of a cluster may be given trainings.

    Args:
        start: Starts the check of a node, by its id; returns something to poll.
        poll: Returns a check's fault, or None while it runs; raises `NodeGone` and `FilesComing`.
        clock: Returns monotonic seconds.

    Attributes:
        passed: Ids of nodes that may be given trainings.
        faults: What is wrong with others, by id.
        fetching: Ids of nodes to which data and code are on their way.
    """

    def __init__(
        self,
        start: Callable[[str], Any],
        poll: Callable[[Any], str | None],
        clock: Callable[[], float] = time.monotonic,
    ):
        self._start, self._poll, self._clock = start, poll, clock
        self._running: dict[str, _Running] = {}
        self._again: dict[str, float] = {}
        self._said: set[tuple[str, str]] = set()
        self.passed: frozenset[str] = frozenset()
        self.faults: dict[str, str] = {}
        self.fetching: set[str] = set()

    def update(self, nodes: tuple[ClusterNode, ...]) -> list[str]:
        """Start and collect checks; return a sentence for each node that was newly set aside."""
        alive = {node.id: node for node in nodes}
        self.passed &= alive.keys()
        for gone in [*(self.faults.keys() - alive.keys()), *(self._running.keys() - alive.keys())]:
            self.faults.pop(gone, None)
            self._running.pop(gone, None)
            self.fetching.discard(gone)
        now = self._clock()
        for node_id in alive:
            due = self._again.get(node_id, 0.0) <= now
            if node_id not in self.passed and node_id not in self._running and due:
                self._running[node_id] = _Running(self._start(node_id), now + DEADLINE)
        return [text for node_id in list(self._running) if (text := self._collect(alive[node_id], now))]

    def set_aside(self, node: ClusterNode, fault: str, seconds: float = AGAIN) -> str:
        """Give a node nothing more until it passes a later check; return a sentence if that is new.

        Args:
            node: The node.
            fault: What is wrong with it.
            seconds: Seconds until that check.
        """
        self.passed -= {node.id}
        self.faults[node.id] = fault
        self._again[node.id] = self._clock() + seconds
        if (node.id, fault) in self._said:
            return ""
        self._said.add((node.id, fault))
        return f"node {node} is set aside: {fault}"

    def _collect(self, node: ClusterNode, now: float) -> str:
        running = self._running[node.id]
        self.fetching.discard(node.id)
        try:
            fault = self._poll(running.result)
        except FilesComing:
            self.fetching.add(node.id)
            return ""
        except NodeGone:
            del self._running[node.id]
            self._again[node.id] = now + GONE_SECONDS
            return ""
        if fault is None and now < running.deadline:
            return ""
        del self._running[node.id]
        if fault == "":
            self.passed |= {node.id}
            self.faults.pop(node.id, None)
            return ""
        return self.set_aside(node, fault or f"it did not answer within {DEADLINE:g} s")
