"""Checks that this machine has the GPUs that a spec requires."""

from __future__ import annotations

import os

from hpo.core.errors import UserError
from hpo.running.ray_session import local_gpus
from hpo.spec import SearchSpec


def usable_gpus(spec: SearchSpec) -> float:
    """Return the number of GPUs of this machine; 0 if the spec uses none.

    Raises:
        UserError: If the spec requires more than there are.
    """
    available, problem = _available(spec)
    if problem:
        raise UserError(problem)
    return available


def gpu_warnings(spec: SearchSpec) -> tuple[str, ...]:
    """Return a warning if this machine has too few GPUs for a spec that is only checked.

    There is no warning if ``RAY_ADDRESS`` names a cluster.
    """
    if os.environ.get("RAY_ADDRESS"):
        return ()
    problem = _available(spec)[1]
    return (problem,) if problem else ()


def _available(spec: SearchSpec) -> tuple[float, str]:
    """Return the number of GPUs, and the problem if there are too few."""
    required = spec.resources.gpus
    available = local_gpus() if required else 0.0
    if available >= required:
        return available, ""
    return available, (
        f"resources.gpus: a trial needs {required:g}, this machine has {available:g}; "
        "set resources.gpus to 0, or name a cluster with --address"
    )
