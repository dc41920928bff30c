"""The nodes of a Ray cluster, as a background thread sees them, so that nothing else waits for an answer."""

from __future__ import annotations

import math
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NoReturn

from hpo.core.addresses import without_secrets
from hpo.core.errors import HpoError, UserError
from hpo.core.listening import answers
from hpo.core.needs import Needs
from hpo.running.loopback import kept_on_loopback
from hpo.running.ray_output import quiet

POLL_SECONDS = 2.0
"""Seconds between two readings of the cluster's nodes."""

TIMEOUT = 10.0
"""Seconds after which an unanswered question to the head counts as a failure."""

STUCK_SECONDS = 300.0
"""Seconds after which a search ends whose own node does not answer, though the head does."""

HEAD_SECONDS = 20.0
"""Seconds without an answer after which the head counts as lost; Ray ends the process after 60."""

REPLACED = "the head of the Ray cluster is another one, which does not know this process"


class ClusterLost(HpoError):
    """The cluster's head no longer answers, or another one runs at its address."""


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
    """

    def __init__(
        self, read: Callable[[], tuple[ClusterNode, ...]], clock: Callable[[], float] = time.monotonic
    ):
        self._read = read
        self._clock = clock
        self._closed = threading.Event()
        self._answered = clock()
        self._left = False
        self.nodes: tuple[ClusterNode, ...] = read()
        self.readings = 1
        threading.Thread(target=self._watch, name="hpo-cluster", daemon=True).start()

    @property
    def silent(self) -> float:
        """Seconds since the head last answered."""
        return self._clock() - self._answered

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
        if thread.is_alive() and stuck() > STUCK_SECONDS:
            raise ClusterLost(f"this process's node of the Ray cluster has not answered for {stuck():.0f} s")
    if errors:
        _raise_again(errors[0])


def _raise_again(error: BaseException) -> NoReturn:
    """Raise an error of the work; that a new head refuses this process means that its cluster is lost."""
    from ray.exceptions import AuthenticationError

    if any(isinstance(each, AuthenticationError) for each in (error, error.__context__)):
        raise ClusterLost(REPLACED) from error
    raise error


def reader(address: str) -> Callable[[], tuple[ClusterNode, ...]]:
    """Return a function that reads the nodes of the cluster to which this process is connected.

    Raises:
        ClusterLost: By that function, if another cluster now runs at the address, or the node of this
            process has ended. Ray ends the process, too, when the head finds that out some 15 s later.
    """
    import ray
    from ray._private import state
    from ray._raylet import GcsClient  # type: ignore[attr-defined]

    client, own_node = GcsClient(address=address), ray.get_runtime_context().get_node_id()
    own_server = _server_of(client, own_node)

    def read() -> tuple[ClusterNode, ...]:
        require_listening(own_server)
        nodes = read_nodes(client)
        if own_node not in {node.id for node in nodes}:
            raise ClusterLost("this driver's node is no longer part of the cluster")
        free = state.available_resources_per_node()
        draining = state.state.get_draining_nodes()
        return tuple(
            replace(
                node,
                free_cpus=free.get(node.id, {}).get("CPU", 0.0),
                free_gpus=free.get(node.id, {}).get("GPU", 0.0),
                draining=node.id in draining,
                free_custom=_custom(free.get(node.id, {})),
            )
            for node in nodes
        )

    return read


def _server_of(client: object, node_id: str) -> tuple[str, int]:
    """Return address and port of a node's server."""
    infos = client.get_all_node_info(timeout=TIMEOUT)  # type: ignore[attr-defined]
    (info,) = (info for known_id, info in infos.items() if known_id.hex() == node_id)
    return info.node_manager_address, info.node_manager_port


def require_listening(server: tuple[str, int]) -> None:
    """Raise an error if nothing listens at the address of a node's server.

    Raises:
        ClusterLost: If so. A server that is slow or suspended still listens.
    """
    try:
        socket.create_connection(server, timeout=TIMEOUT).close()
    except ConnectionRefusedError as error:
        raise ClusterLost("this driver's node has ended") from error


def cluster_nodes(address: str) -> tuple[ClusterNode, ...]:
    """Return the nodes of the cluster at an address, without connecting to it as a driver.

    Raises:
        UserError: If it does not answer.
    """
    from ray._private.services import canonicalize_bootstrap_address
    from ray._raylet import GcsClient  # type: ignore[attr-defined]

    try:
        with quiet(), kept_on_loopback(address):
            return read_nodes(GcsClient(address=canonicalize_bootstrap_address(address) or address))
    except Exception as error:  # Ray raises many kinds
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        raise UserError(
            without_secrets(f"the Ray cluster at {address} does not answer: {reason[0].split('. ')[0]}")
        ) from error


def read_nodes(client: object) -> tuple[ClusterNode, ...]:
    """Return the nodes that are alive, from Ray's client of the head."""
    infos = client.get_all_node_info(timeout=TIMEOUT)  # type: ignore[attr-defined]
    return tuple(
        ClusterNode(
            node_id.hex(),
            info.node_name or info.node_manager_address,
            info.resources_total.get("CPU", 0.0),
            info.resources_total.get("GPU", 0.0),
            labels=dict(info.labels),
            custom=_custom(info.resources_total),
            server=(info.node_manager_address, info.node_manager_port),
        )
        for node_id, info in sorted(infos.items(), key=lambda item: item[1].start_time_ms)
        if info.state == 0
    )


def _custom(amounts: Mapping[str, float]) -> dict[str, float]:
    """Return the custom resources among the amounts of a node."""
    return {name: amount for name, amount in amounts.items() if name not in ("CPU", "GPU")}
