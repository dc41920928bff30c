"""Joining a Ray cluster for one search, and leaving it, even if a node or its head no longer answers."""

from __future__ import annotations

import atexit
import logging
import os
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from hpo.core.addresses import without_secrets
from hpo.core.errors import ClusterLost, HpoError, NoCluster
from hpo.core.listening import replies
from hpo.running.cluster_entry import require_same_versions, require_token
from hpo.running.last_words import LastWords
from hpo.running.loopback import kept_on_loopback
from hpo.running.process_state import signal_handlers_kept
from hpo.running.ray_output import quiet, silent_listeners

JOIN_SECONDS = 45.0
"""Seconds in which a cluster has to accept this process; the node that it joins may be frozen. If Ray waits
for such a node itself, nothing else runs in this process, and Ray ends it after 29 s, with its last words."""

NODE_SECONDS = 20.0
"""Seconds in which the node beside this process has to reply."""

LEAVE_SECONDS = 10.0
"""Seconds in which a process disconnects from a cluster."""


@contextmanager
def cluster_connection(address: str, words: LastWords) -> Iterator[None]:
    """Connect this process to a cluster while the block runs.

    Args:
        address: The cluster's address.
        words: Printed if Ray ends this process without a message.

    Raises:
        NoCluster: If there is no cluster to join.
        ClusterLost: If the cluster does not accept this process in time.
    """
    answers, lost = True, False
    try:
        require_reachable(address)
        with kept_on_loopback(address), silent_listeners():
            with signal_handlers_kept(), quiet():
                answers = _join_cluster(address)
            if not answers:
                raise ClusterLost(
                    f"the Ray cluster at {shown_address(address)} has not accepted this process within "
                    f"{JOIN_SECONDS:g} s; the node that runs beside this process does not answer"
                )
            try:
                yield
            except ClusterLost:
                lost = True
                raise
            finally:
                answers = _leave_cluster() and not lost
    finally:
        if answers:
            words.withhold()
        else:
            _end_without_ray(words)


def _join_cluster(address: str) -> bool:
    """Connect in another thread, because a node that does not answer is waited for below Python.

    Returns:
        Whether the cluster has accepted this process in time.

    Raises:
        NoCluster: If there is no cluster to join.
        ClusterLost: If the node beside this process does not reply.
    """
    import ray

    errors: list[Exception] = []

    def join() -> None:
        try:
            _require_node_beside(address)
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
        except Exception as error:  # Ray raises many kinds
            errors.append(error)

    joining = threading.Thread(target=join, daemon=True)
    joining.start()
    joining.join(JOIN_SECONDS)
    if joining.is_alive():
        return False
    if errors:
        error = errors[0]
        if isinstance(error, HpoError):
            raise error
        reason = without_secrets(" ".join(str(error).split()) or type(error).__name__)
        raise NoCluster(f"there is no Ray cluster to join at {shown_address(address)!r}: {reason}") from error
    return True


def _require_node_beside(address: str) -> None:
    """Check that the node that Ray will connect to replies, because Ray waits for it without a word.

    Raises:
        NoCluster: If the token is missing, or the cluster has another Python or Ray.
        ClusterLost: If the node does not reply.
    """
    from ray._private import services
    from ray._raylet import GcsClient  # type: ignore[attr-defined]

    if "/" in address:  # a proxy of the cluster
        return
    require_token(shown_address(address))
    client = GcsClient(address=services.canonicalize_bootstrap_address(address) or address)
    require_same_versions(client, shown_address(address))
    node = services.get_node_to_connect_for_driver(client)
    if not replies(node.node_manager_address, node.node_manager_port, NODE_SECONDS):
        raise ClusterLost(
            f"the node of the Ray cluster at {shown_address(address)} that runs beside this process has not "
            f"answered for {NODE_SECONDS:g} s"
        )


def _leave_cluster() -> bool:
    """Disconnect, without waiting for a head that does not answer; return whether that is done."""
    import ray

    left = threading.Event()

    def leave() -> None:
        with suppress(Exception):  # a new head refuses this process; Ray raises many kinds
            ray.shutdown()
            left.set()

    leaving = threading.Thread(target=leave, daemon=True)
    leaving.start()
    leaving.join(LEAVE_SECONDS)
    return left.is_set()


def _end_without_ray(words: LastWords) -> None:
    """Prepare for this process to end although Ray, which does not answer, would hold that up."""
    import ray

    atexit.unregister(ray.shutdown)
    atexit.register(_end_at_once, words)


def _end_at_once(words: LastWords) -> None:
    """End a process whose search failed because the cluster was lost, without Ray's own ending."""
    sys.stdout.flush()
    sys.stderr.flush()
    words.withhold()
    os._exit(HpoError.exit_code)


def require_reachable(address: str) -> None:
    """Refuse an address that cannot be connected to; Ray itself would try for minutes.

    Raises:
        NoCluster: If the connection fails.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in address:
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise NoCluster(f"there is no Ray cluster to join at {shown_address(address)!r}: {error}") from error


def shown_address(address: str) -> str:
    """Return the address as it may be shown; Ray has no passwords in addresses, but somebody may try one."""
    return address.rpartition("@")[2]
