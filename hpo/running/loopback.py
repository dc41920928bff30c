"""Reaching a cluster whose head listens on the loopback device only, as that of `hpo service up` does.

Ray replaces such an address by one that other machines reach, where nothing listens then.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from hpo.core.listening import answers
from hpo.running.process_state import environment

ALONE = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Environment in which Ray keeps to the loopback device, whatever the system."""

LOOPBACKS = ("127.0.0.1", "localhost", "::1")


@contextmanager
def kept_on_loopback(address: str) -> Iterator[None]:
    """Have Ray use an address of the loopback device as it is while the block runs, if it must be."""
    if not is_loopback_only(address):
        yield
        return
    try:
        with environment(ALONE):
            reload_ray_environment()
            yield
    finally:
        reload_ray_environment()


def is_loopback_only(address: str) -> bool:
    """Return whether a port of this machine answers on the loopback device, and nowhere else."""
    host, _, port = address.rpartition(":")
    if host not in LOOPBACKS or not port.isdecimal():
        return False
    from ray._private.services import get_node_ip_address

    return answers(host, int(port)) and not answers(get_node_ip_address(), int(port))


def reload_ray_environment() -> None:
    """Make Ray read its environment again, which it does once, while a process may have many sessions."""
    from ray._private import ray_constants as constants
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

    constants.ENABLE_RAY_CLUSTER = constants.env_bool(
        constants.ENABLE_RAY_CLUSTERS_ENV_VAR, not constants.IS_WINDOWS_OR_OSX
    )
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
