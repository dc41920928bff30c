"""Ray for the duration of one search: an embedded instance that leaves nothing behind, or a cluster.

The embedded Ray listens on the loopback device only, requires a token, runs no dashboard, and uses a
private temporary folder with a short path, because the names of its sockets are limited to 107 bytes.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hpo.core.errors import HpoError, UserError
from hpo.core.namesakes import describe_namesake, find_namesake
from hpo.running import reaper

OBJECT_STORE_BYTES = 96 * 2**20
"""Only tasks and messages pass through Ray; data is mapped from files."""

_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_RESULT_BUFFER_LENGTH": "1",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_WARN_INSUFFICENT_RESOURCE_THRESHOLD_S": "60",
    "SPT_NOENV": "1",
}
_EMBEDDED = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_AUTH_MODE": "token",
    "RAY_GRAFANA_HOST": "",
}


@dataclass(frozen=True, slots=True)
class RaySession:
    """A running Ray.

    Attributes:
        folder: A private temporary folder for Tune's own files.
        cpus: CPUs of all nodes.
        gpus: GPUs of all nodes.
        nodes: Number of nodes.
    """

    folder: Path
    cpus: float
    gpus: float
    nodes: int


@contextmanager
def ray_session(address: str | None, cpus: float, gpus: float, home: Path) -> Iterator[RaySession]:
    """Run Ray, or connect to a cluster, while the block runs.

    Args:
        address: A cluster's address; None for an embedded Ray.
        cpus: CPUs of the embedded Ray.
        gpus: GPUs of the embedded Ray.
        home: Folder of the workers' files, which every node of a cluster must see.

    Raises:
        UserError: If there is no cluster at the address, one of its nodes does not see the home, or its
            workers would import a user's package instead of hpo's.
    """
    namesake = find_namesake(Path.cwd())  # Ray puts this folder first on its workers' path
    if namesake is not None:
        raise UserError(f"{describe_namesake(namesake)}; rename it, or run hpo from another folder")
    folder = Path(tempfile.mkdtemp(prefix="hpo-"))
    try:
        with (
            _environment(_SETTINGS),
            _cluster(address) if address else _embedded(folder, cpus, gpus),
        ):
            yield _described(folder, home)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while the block runs, then restore them."""
    former = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _described(folder: Path, home: Path) -> RaySession:
    import ray

    nodes = [node["NodeID"] for node in ray.nodes() if node["Alive"]]
    if len(nodes) > 1:
        _require_shared_home(nodes, home)
    resources = ray.cluster_resources()
    return RaySession(folder, resources.get("CPU", 0.0), resources.get("GPU", 0.0), len(nodes))


def _require_shared_home(nodes: list[str], home: Path) -> None:
    """Refuse a cluster with a node that does not see the home."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    marker = home / f".seen-{secrets.token_hex(8)}"
    marker.touch()
    try:
        exists = ray.remote(num_cpus=0)(os.path.exists)
        strategies = [NodeAffinitySchedulingStrategy(node, soft=False) for node in nodes]
        seen = ray.get([exists.options(scheduling_strategy=s).remote(str(marker)) for s in strategies])
    finally:
        marker.unlink(missing_ok=True)
    if not all(seen):
        raise UserError(
            f"--home {home}: {seen.count(False)} of {len(nodes)} nodes of the cluster do not see this "
            "folder; choose one on a file system that all nodes share"
        )


@contextmanager
def _embedded(folder: Path, cpus: float, gpus: float) -> Iterator[None]:
    marker = secrets.token_hex(16)
    settings = {**_EMBEDDED, "RAY_AUTH_TOKEN": secrets.token_hex(32), reaper.MARKER: marker}
    try:
        with _environment(settings):
            child = reaper.Reaper(marker, folder)
            _reload_ray_environment()
            import ray

            try:
                with _signal_handlers_kept():
                    ray.init(
                        address="local",
                        num_cpus=max(1, round(cpus)),
                        num_gpus=gpus or None,
                        include_dashboard=False,
                        object_store_memory=OBJECT_STORE_BYTES,
                        log_to_driver=False,
                        logging_level=logging.ERROR,
                        _temp_dir=str(
                            folder / "ray"
                        ),  # Ray makes its folder readable by all; the parent stays private
                    )
                yield
            except OSError as error:
                raise HpoError(f"Ray could not be started: {error}") from error
            finally:
                ray.shutdown()
                child.dismiss()
    finally:
        _reload_ray_environment()


@contextmanager
def _signal_handlers_kept() -> Iterator[None]:
    """Keep this process's signal handlers while Ray starts in the block.

    Ray's own handlers exit at any point of a search: one in Python, and one below Python that prints a
    stack trace and aborts three seconds later.
    """
    from ray._private import utils

    ours = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    theirs, utils.set_sigterm_handler = utils.set_sigterm_handler, lambda handler: None
    try:
        yield
    finally:
        utils.set_sigterm_handler = theirs
        if threading.current_thread() is threading.main_thread():
            for number, handler in ours.items():
                signal.signal(number, handler)
            if signal.getsignal(signal.SIGALRM) is signal.SIG_DFL:
                signal.alarm(0)  # Ray's, set by a signal that arrived meanwhile


def _reload_ray_environment() -> None:
    """Make Ray read its environment again, which it does once, while a process may have many sessions."""
    from ray._private import ray_constants as constants
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

    constants.ENABLE_RAY_CLUSTER = constants.env_bool(
        constants.ENABLE_RAY_CLUSTERS_ENV_VAR, not constants.IS_WINDOWS_OR_OSX
    )
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()


@contextmanager
def _cluster(address: str) -> Iterator[None]:
    require_reachable(address)
    import ray

    try:
        with _signal_handlers_kept():
            ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UserError(f"there is no Ray cluster to join at {address!r}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


def require_reachable(address: str) -> None:
    """Refuse an address that cannot be connected to; Ray itself would try for minutes.

    Raises:
        UserError: If the connection fails.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in address:
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise UserError(f"there is no Ray cluster to join at {address!r}: {error}") from error


def local_gpus() -> float:
    """Return the number of GPUs of this machine, as Ray counts them."""
    from ray._private.accelerators import NvidiaGPUAcceleratorManager

    return float(NvidiaGPUAcceleratorManager.get_current_node_num_accelerators())
