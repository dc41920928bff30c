"""Whether this machine has the GPUs that a spec asks for."""

from __future__ import annotations

import os

from hpo.core.errors import UserError
from hpo.running.ray_session import local_gpus
from hpo.spec import SearchSpec


def usable_gpus(spec: SearchSpec) -> float:
    """GPUs of this machine, asked only if the spec wants one.

    Raises:
        UserError: If it wants one and there is none.
    """
    found, lacking = _looked_for(spec)
    if lacking:
        raise UserError(lacking)
    return found


def gpus_lacking(spec: SearchSpec) -> tuple[str, ...]:
    """The same sentence for a spec that is only looked at: it may be meant for a cluster.

    Nothing is said where ``RAY_ADDRESS`` names one.
    """
    if os.environ.get("RAY_ADDRESS"):
        return ()
    lacking = _looked_for(spec)[1]
    return (lacking,) if lacking else ()


def _looked_for(spec: SearchSpec) -> tuple[float, str]:
    """GPUs that were found, and what is wrong if they are too few."""
    wanted = spec.resources.gpus
    found = local_gpus() if wanted else 0.0
    if found >= wanted:
        return found, ""
    return found, (
        f"resources.gpus: {wanted:g} per trial asked, this machine has {found:g}; "
        "set resources.gpus to 0, or name a cluster with --address"
    )
