"""What a process needs to enter a Ray cluster: the token, and the versions of Python and Ray.

Ray compares versions only when a process joins, after a search is on record, and a process that should have a
token and has none is ended below Python, with a stack trace of its own.
"""

from __future__ import annotations

import json
from typing import Any

from hpo.core.errors import NoCluster

TOKENS = (
    "legal: RAY_AUTH_MODE=token, with RAY_AUTH_TOKEN_PATH or RAY_AUTH_TOKEN as the cluster was started with"
)

SECONDS = 10.0
"""Seconds in which a head has to say which versions it has."""


def require_token(address: str) -> None:
    """Refuse to ask a cluster without a token if Ray is told to send one.

    Args:
        address: Address of the cluster, as it is shown.

    Raises:
        NoCluster: If the token is missing.
    """
    from ray._raylet import AuthenticationTokenLoader  # type: ignore[attr-defined]
    from ray.exceptions import AuthenticationError

    try:
        AuthenticationTokenLoader.instance().has_token()
    except AuthenticationError as error:
        reason = str(error).split(". ")[0]
        raise NoCluster(f"there is no token for the Ray cluster at {address}: {reason}; {TOKENS}") from None


def require_same_versions(client: Any, address: str) -> None:
    """Refuse a cluster that Ray would not let this process join because of its versions.

    Args:
        client: Ray's client of the head.
        address: Address of the cluster, as it is shown.

    Raises:
        NoCluster: If its Python or Ray is another one.
    """
    from ray._common.usage.usage_constants import CLUSTER_METADATA_KEY
    from ray._private.ray_constants import KV_NAMESPACE_CLUSTER
    from ray._private.utils import check_version_info, compute_version_info

    written = client.internal_kv_get(CLUSTER_METADATA_KEY, namespace=KV_NAMESPACE_CLUSTER, timeout=SECONDS)
    if not written:  # a head that has only begun to start
        return
    metadata = json.loads(written)
    try:
        check_version_info(metadata, "here")
    except RuntimeError:
        ray, python = compute_version_info()
        theirs = f"Python {metadata['python_version']} and Ray {metadata['ray_version']}"
        raise NoCluster(
            f"the Ray cluster at {address} has {theirs}, and this process Python {python} and Ray {ray}; "
            "install the same versions"
        ) from None
