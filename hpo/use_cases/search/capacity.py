"""Whether this machine, or a cluster, can run a spec's trials at all; asked before a search is opened."""

from __future__ import annotations

import os
from collections.abc import Sequence

from hpo.core.errors import UserError
from hpo.running.cluster import ClusterNode, node_table
from hpo.running.cluster_connection import require_reachable
from hpo.running.cluster_reading import cluster_nodes
from hpo.spec import SearchSpec
from hpo.use_cases.search.gpus import usable_gpus


def local_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cpu_warnings(spec: SearchSpec) -> tuple[str, ...]:
    """Return a sentence if a trial needs more CPUs than this machine has."""
    needed = spec.resources.needs.cpus
    if needed <= local_cpus():
        return ()
    return (
        f"resources.cpus: a trial needs {needed:g}, this machine has {local_cpus()}; "
        "set resources.cpus to less, or name a cluster with --address",
    )


def require_capacity(spec: SearchSpec, address: str | None) -> None:
    """Refuse a spec whose trials cannot run.

    Args:
        spec: The spec.
        address: A Ray cluster; None for this machine.

    Raises:
        UserError: If so, or if the cluster does not answer.
    """
    if address is None:
        usable_gpus(spec)
        for sentence in cpu_warnings(spec):
            raise UserError(sentence)
        return
    require_reachable(address)
    require_room(spec, cluster_nodes(address), address)


def require_room(spec: SearchSpec, nodes: Sequence[ClusterNode], address: str) -> None:
    """Refuse a spec whose trials no node of a cluster can hold.

    Args:
        spec: The spec.
        nodes: The nodes of the cluster.
        address: Where they were asked for.

    Raises:
        UserError: If so.
    """
    needs = spec.resources.needs
    if not any(node.fits(needs) for node in nodes):
        raise UserError(
            f"resources: a trial needs {needs.amounts} on one node{needs.kind}, and no node of "
            f"the cluster at {address} has them:\n{node_table(nodes, needs)}"
        )
