"""The nodes of a Ray cluster, as a background thread sees them, so that nothing else waits for an answer."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from hpo.core.errors import ClusterLost
from hpo.core.listening import answers
from hpo.core.needs import Needs

POLL_SECONDS = 2.0
"""Seconds between two readings of the cluster's nodes."""

STUCK_SECONDS = 300.0
"""Seconds after which a search ends whose own node does not answer, though the head does."""

HEAD_SECONDS = 20.0
"""Seconds without an answer after which the head counts as lost; Ray ends the process after 60."""

NODE_SECONDS = 45.0
"""Seconds after which a search ends whose own node does not reply. Some 60 seconds after a node froze, Ray
ends the process without a word."""

REPLACED = "the head of the Ray cluster is another one, which does not know this process"


@dataclass(frozen=True, slots=True)
class ClusterNode:
    """A node that is alive.

    Attributes:
        id: Ray's id of the node, in hexadecimal.
        name: Name or address of the machine.
        cpus: All its CPUs.
        gpus: All its GPUs.
        free_cpus: CPUs that nothing has reserved.
        free_gpus: GPUs that nothing has reserved.
        draining: Whether it is about to be shut down.
        labels: Its labels, those that Ray sets included.
        custom: Amounts of its custom resources, by name.
        free_custom: Amounts of them that nothing has reserved.
        server: Host and port of its Ray server; None if they are not known.
    """

    id: str
    name: str
    cpus: float
    gpus: float
    free_cpus: float = 0.0
    free_gpus: float = 0.0
    draining: bool = False
    labels: Mapping[str, str] = field(default_factory=dict, repr=False)
    custom: Mapping[str, float] = field(default_factory=dict, repr=False)
    free_custom: Mapping[str, float] = field(default_factory=dict, repr=False)
    server: tuple[str, int] | None = field(default=None, repr=False)

    def answers(self) -> bool:
        """Return whether its Ray server accepts connections; the head notices a lost node only later."""
        return self.server is None or answers(*self.server)

    def fits(self, needs: Needs) -> int:
        """Return how many trainings with these needs it can hold."""
        amounts = {**self.custom, "CPU": self.cpus, "GPU": self.gpus}
        return needs.fit_into(amounts) if needs.matches(self.labels) else 0

    def free_for(self, needs: Needs) -> int:
        """Return how many trainings with these needs it can hold beside what it runs now."""
        amounts = {**self.free_custom, "CPU": self.free_cpus, "GPU": self.free_gpus}
        return needs.fit_into(amounts) if needs.matches(self.labels) else 0

    def has(self, needs: Needs) -> str:
        """Return in words what it has of the kinds of things that trainings need."""
        words = [f"{self.cpus:g} CPUs", f"{self.gpus:g} GPUs"]
        words += [f"{self.custom.get(name, 0):g} {name}" for name in needs.custom]
        labels = [f"{label}={self.labels[label]}" for label in needs.labels if label in self.labels]
        labels += [f"no label {label}" for label in needs.labels if label not in self.labels]
        return f"{', '.join(words[:-1])} and {words[-1]}" + "".join(f", {label}" for label in labels)

    def __str__(self) -> str:
        return f"{self.name} ({self.id[:8]})"


def node_table(
    nodes: Iterable[ClusterNode], needs: Needs, remarks: Callable[[ClusterNode], str] = lambda node: ""
) -> str:
    """Return what each node has of what trainings need, a line for each."""
    lines = []
    for node in nodes:
        remark = remarks(node)
        state = ", is being drained" if node.draining else ""
        text = f"  node {node}: {node.has(needs)}{state}"
        lines.append(f"{text}; {remark}" if remark else text)
    return "\n".join(lines) or "  the cluster has no nodes"


class ClusterMonitor:
    """Reads the cluster's nodes every few seconds in a thread of its own.

    Args:
        read: Returns the nodes that are alive; may raise or block.
        clock: Returns monotonic seconds.
        node_replies: Returns whether the node of this process replies.
    """

    def __init__(
        self,
        read: Callable[[], tuple[ClusterNode, ...]],
        clock: Callable[[], float] = time.monotonic,
        node_replies: Callable[[], bool] = lambda: True,
    ):
        self._read = read
        self._clock = clock
        self._node_replies = node_replies
        self._closed = threading.Event()
        self._answered = self._replied = clock()
        self._left = False
        self.nodes: tuple[ClusterNode, ...] = read()
        self.readings = 1
        threading.Thread(target=self._watch, name="hpo-cluster", daemon=True).start()

    @property
    def silent(self) -> float:
        """Seconds since the head last answered."""
        return self._clock() - self._answered

    @property
    def node_silent(self) -> float:
        """Seconds since the node of this process last replied."""
        return self._clock() - self._replied

    @property
    def trouble(self) -> str:
        """What is wrong if the head does not answer, in a sentence."""
        if self._left:
            return "this process's node is no longer part of the Ray cluster"
        return f"the head of the Ray cluster has not answered for {self.silent:.0f} s"

    def close(self) -> None:
        """Stop reading."""
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(POLL_SECONDS):
            if self._node_replies():
                self._replied = self._clock()
            try:
                nodes = self._read()
            except ClusterLost:
                self._left, self._answered = True, -math.inf  # soon Ray ends this process without a word
                continue
            except Exception:  # whatever Ray raises, there was no answer
                continue
            self.nodes, self._answered, self._left = nodes, self._clock(), False
            self.readings += 1


def watched(
    work: Callable[[], None], monitor: ClusterMonitor, stuck: Callable[[], float] = lambda: 0.0
) -> None:
    """Do something that asks the cluster, and give up on it if the head is lost.

    Calls of Ray block below Python, where nothing interrupts them, so they are made in another thread.

    Args:
        work: What to do.
        monitor: The cluster's nodes.
        stuck: Returns the seconds for which the work has been waiting for one answer.

    Raises:
        ClusterLost: If the head, or the node of this process, does not answer any more, or another head
            has taken its place.
    """
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # it is raised again in the thread that waits
            errors.append(error)

    thread = threading.Thread(target=run, name="hpo-loop", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.2)
        if thread.is_alive() and monitor.silent > HEAD_SECONDS + 2:
            raise ClusterLost(monitor.trouble)
        for seconds, limit in ((monitor.node_silent, NODE_SECONDS), (stuck(), STUCK_SECONDS)):
            if thread.is_alive() and seconds > limit:
                raise ClusterLost(
                    f"this process's node of the Ray cluster has not answered for {seconds:.0f} s"
                )
    if errors:
        _raise_again(errors[0])


def _raise_again(error: BaseException) -> NoReturn:
    """Raise an error of the work; that a new head refuses this process means that its cluster is lost."""
    from ray.exceptions import AuthenticationError

    if any(isinstance(each, AuthenticationError) for each in (error, error.__context__)):
        raise ClusterLost(REPLACED) from error
    raise error
