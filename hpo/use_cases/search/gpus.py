"""Checks that this machine has what a spec requires: GPUs, and neither labels nor custom resources."""

from __future__ import annotations

import os

from hpo.core.errors import UserError
from hpo.running.embedded_ray import local_gpus
from hpo.spec import SearchSpec


def usable_gpus(spec: SearchSpec) -> float:
    """Return the number of GPUs of this machine; 0 if the spec uses none.

    Raises:
        UserError: If the spec requires more than there are, or what only nodes of a cluster have.
    """
    available, problem = _available(spec)
    if problem:
        raise UserError(problem)
    return available


def gpu_warnings(spec: SearchSpec) -> tuple[str, ...]:
    """Return a warning if this machine lacks what a spec requires that is only checked.

    There is no warning if ``RAY_ADDRESS`` names a cluster.
    """
    if os.environ.get("RAY_ADDRESS"):
        return ()
    problem = _available(spec)[1]
    return (problem,) if problem else ()


def _available(spec: SearchSpec) -> tuple[float, str]:
    """Return the number of GPUs, and the problem if there are too few."""
    required, needs = spec.resources.gpus, spec.resources.needs
    available = local_gpus() if required else 0.0
    only_on_clusters = [*(f"label {name}" for name in needs.labels), *needs.custom]
    if only_on_clusters:
        return available, (
            f"resources: a trial needs {needs.amounts} on a node{needs.kind}, and only nodes of a "
            f"cluster have labels and custom resources ({', '.join(only_on_clusters)}); "
            "name a cluster with --address"
        )
    if available >= required:
        return available, ""
    return available, (
        f"resources.gpus: a trial needs {required:g}, this machine has {available:g}; "
        "set resources.gpus to 0, or name a cluster with --address"
    )
