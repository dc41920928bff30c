"""Ray for the duration of one search: an embedded instance that leaves nothing behind, or a cluster."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hpo.core.errors import UserError
from hpo.core.namesakes import describe_namesake, find_namesake
from hpo.core.temporary_folders import temporary_folder
from hpo.running.cluster import ClusterMonitor
from hpo.running.cluster_connection import cluster_connection, shown_address
from hpo.running.cluster_reading import monitor_of
from hpo.running.embedded_ray import LONGEST_FOLDER, embedded_ray
from hpo.running.last_words import LastWords
from hpo.running.process_state import environment
from hpo.running.ray_output import LOG_LEVEL, quiet_servers

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
    **LOG_LEVEL,
    "RAY_gcs_rpc_server_reconnect_timeout_s": "600",  # a lost head is noticed and reported here
}


@dataclass(frozen=True, slots=True)
class RaySession:
    """A running Ray.

    Attributes:
        folder: A private temporary folder for Tune's own files.
        cpus: CPUs of all nodes.
        gpus: GPUs of all nodes.
        pool: Name of what other searches may use as well: the machine, or the cluster.
        monitor: The nodes of a cluster; None for an embedded Ray.
    """

    folder: Path
    cpus: float
    gpus: float
    pool: str
    monitor: ClusterMonitor | None = None


@contextmanager
def ray_session(
    address: str | None,
    cpus: float,
    gpus: float,
    say_waiting: Callable[[str], None] = lambda what: None,
    last_words: str = "",
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[RaySession]:
    """Run Ray, or connect to a cluster, while the block runs.

    Args:
        address: A cluster's address; None for an embedded Ray.
        cpus: CPUs of the embedded Ray.
        gpus: GPUs of the embedded Ray.
        say_waiting: Called with what is waited for; empty if nothing is.
        last_words: What is printed if a cluster's Ray ends this process without a message.
        stopping: Whether to stop waiting for the turn to start the embedded Ray.

    Raises:
        StoppedWaiting: If so.
        UserError: If there is no cluster at the address, or its workers would import a user's package
            instead of hpo's.
    """
    namesake = find_namesake(Path.cwd())  # Ray puts this folder first on its workers' path
    if namesake is not None:
        raise UserError(f"{describe_namesake(namesake)}; rename it, or run hpo from another folder")
    say_waiting(f"the Ray cluster at {shown_address(address)}" if address else "Ray to start")
    with (
        temporary_folder(longest=LONGEST_FOLDER) as folder,
        environment(_SETTINGS),
        quiet_servers(),
        cluster_connection(address, LastWords(last_words, folder))
        if address
        else embedded_ray(folder, cpus, gpus, stopping),
        _described(folder, address) as session,
    ):
        say_waiting("")
        yield session


@contextmanager
def _described(folder: Path, address: str | None) -> Iterator[RaySession]:
    """Describe the Ray to which this process is connected, and watch its nodes if it is a cluster."""
    import ray

    resources = ray.cluster_resources()
    cpus, gpus = resources.get("CPU", 0.0), resources.get("GPU", 0.0)
    if not address:
        yield RaySession(folder, cpus, gpus, f"machine {socket.gethostname()}")
        return
    context = ray.get_runtime_context()
    monitor = monitor_of(context.gcs_address)
    try:
        yield RaySession(folder, cpus, gpus, f"cluster {context.get_session_name()}", monitor)
    finally:
        monitor.close()
