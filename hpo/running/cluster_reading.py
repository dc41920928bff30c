"""Questions to a Ray cluster, none of them without a limit of time."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import replace

from hpo.core.addresses import without_secrets
from hpo.core.errors import ClusterLost, NoCluster, UserError
from hpo.core.listening import replies
from hpo.running.cluster import ClusterMonitor, ClusterNode
from hpo.running.cluster_entry import TOKENS, require_same_versions, require_token
from hpo.running.loopback import kept_on_loopback
from hpo.running.ray_output import quiet

TIMEOUT = 10.0
"""Seconds after which an unanswered question to the head counts as a failure."""

REFUSED = "InvalidAuthToken"
"""In the message of a head that refuses a token."""

NO_TOKEN = f"refuses this process, which has no token or another one; {TOKENS}"


def monitor_of(address: str) -> ClusterMonitor:
    """Return a monitor of the cluster to which this process is connected."""
    import ray
    from ray._raylet import GcsClient  # type: ignore[attr-defined]

    client, own_node = GcsClient(address=address), ray.get_runtime_context().get_node_id()
    server = _server_of(client, own_node)
    return ClusterMonitor(_reader(client, own_node, server), node_replies=lambda: replies(*server))


def _reader(
    client: object, own_node: str, own_server: tuple[str, int]
) -> Callable[[], tuple[ClusterNode, ...]]:
    """Return a function that reads the nodes of the cluster to which this process is connected.

    Args:
        client: Ray's client of the head.
        own_node: Id of the node of this process.
        own_server: Host and port of its server.

    Raises:
        ClusterLost: By that function, if another cluster now runs at the address, or the node of this
            process has ended. Ray ends the process, too, when the head finds that out some 15 s later.
    """
    from ray._private import state

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
        UserError: If it does not answer, has another Python or Ray, or needs a token that is missing.
    """
    from ray._private.services import canonicalize_bootstrap_address
    from ray._raylet import GcsClient  # type: ignore[attr-defined]

    try:
        with quiet(), kept_on_loopback(address):
            require_token(without_secrets(address))
            client = GcsClient(address=canonicalize_bootstrap_address(address) or address)
            require_same_versions(client, without_secrets(address))
            return read_nodes(client)
    except NoCluster:
        raise
    except Exception as error:  # Ray raises many kinds
        reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
        problem = NO_TOKEN if REFUSED in reason[0] else f"does not answer: {reason[0].split('. ')[0]}"
        raise UserError(without_secrets(f"the Ray cluster at {address} {problem}")) from error


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
