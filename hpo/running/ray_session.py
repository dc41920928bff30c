"""Ray for the duration of one search: an embedded instance that leaves nothing behind, or a cluster.

The embedded Ray listens on the loopback device only, requires a token, runs no dashboard, and uses a
private temporary folder with a short path, because the names of its sockets are limited to 107 bytes.
"""

from __future__ import annotations

import atexit
import logging
import os
import secrets
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hpo.core.addresses import without_secrets
from hpo.core.errors import HpoError, UserError
from hpo.core.namesakes import describe_namesake, find_namesake
from hpo.core.temporary_folders import temporary_folder
from hpo.running import reaper
from hpo.running.cluster import ClusterMonitor, reader
from hpo.running.last_words import LastWords
from hpo.running.quiet import LOG_LEVEL, quiet
from hpo.running.start_turns import start_turn

OBJECT_STORE_BYTES = 96 * 2**20
"""Only tasks and messages pass through Ray; data is mapped from files."""

ATTEMPTS = 3
"""Attempts to start the embedded Ray, each of which Ray itself limits to about two minutes."""

TURN_SECONDS = 180.0
"""Seconds that an attempt waits at most for other searches of this machine that are starting theirs."""

JOIN_SECONDS = 45.0
"""Seconds in which a cluster has to accept this process; the node that it joins may be frozen. Ray ends
the process without a message once the head counts such a node as lost, about a minute after it froze."""

LONGEST_FOLDER = 36
"""Characters of the session's folder. The path of a socket has at most 107, and Ray adds
``/ray1/session_2026-01-31_23-59-59_123456_1234567/sockets/plasma_store`` and perhaps a number."""

LEAVE_SECONDS = 10.0
"""Seconds in which a process disconnects from a cluster."""

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
_EMBEDDED = {
    "RAY_raylet_start_wait_time_s": "120",
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
        monitor: The nodes of a cluster; None for an embedded Ray.
    """

    folder: Path
    cpus: float
    gpus: float
    monitor: ClusterMonitor | None = None


@contextmanager
def ray_session(
    address: str | None,
    cpus: float,
    gpus: float,
    say_waiting: Callable[[str], None] = lambda what: None,
    last_words: str = "",
) -> Iterator[RaySession]:
    """Run Ray, or connect to a cluster, while the block runs.

    Args:
        address: A cluster's address; None for an embedded Ray.
        cpus: CPUs of the embedded Ray.
        gpus: GPUs of the embedded Ray.
        say_waiting: Called with what is waited for; empty if nothing is.
        last_words: What is printed if a cluster's Ray ends this process without a message.

    Raises:
        UserError: If there is no cluster at the address, or its workers would import a user's package
            instead of hpo's.
    """
    namesake = find_namesake(Path.cwd())  # Ray puts this folder first on its workers' path
    if namesake is not None:
        raise UserError(f"{describe_namesake(namesake)}; rename it, or run hpo from another folder")
    say_waiting(f"the Ray cluster at {_host(address)}" if address else "Ray to start")
    with (
        temporary_folder(longest=LONGEST_FOLDER) as folder,
        _environment(_SETTINGS),
        _quiet_ray(),
        _cluster(address, LastWords(last_words, folder)) if address else _embedded(folder, cpus, gpus),
        _described(folder, address) as session,
    ):
        say_waiting("")
        yield session


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


@contextmanager
def _described(folder: Path, address: str | None) -> Iterator[RaySession]:
    """Describe the Ray to which this process is connected, and watch its nodes if it is a cluster."""
    import ray

    resources = ray.cluster_resources()
    cpus, gpus = resources.get("CPU", 0.0), resources.get("GPU", 0.0)
    if not address:
        yield RaySession(folder, cpus, gpus)
        return
    monitor = ClusterMonitor(reader(ray.get_runtime_context().gcs_address))
    try:
        yield RaySession(folder, cpus, gpus, monitor)
    finally:
        monitor.close()


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
                _start(folder, cpus, gpus)
                yield
            finally:
                ray.shutdown()
                child.dismiss()
    finally:
        _reload_ray_environment()


def _start(folder: Path, cpus: float, gpus: float) -> None:
    """Start the embedded Ray, again if a busy machine let it time out.

    Raises:
        HpoError: If it does not start.
    """
    import ray

    for attempt in range(1, ATTEMPTS + 1):
        try:
            with start_turn(TURN_SECONDS), _signal_handlers_kept(), quiet():
                ray.init(
                    address="local",
                    num_cpus=max(1, round(cpus)),
                    num_gpus=gpus or None,
                    include_dashboard=False,
                    object_store_memory=OBJECT_STORE_BYTES,
                    log_to_driver=False,
                    logging_level=logging.CRITICAL,
                    # Ray makes its folder readable by all; the parent stays private.
                    _temp_dir=str(folder / f"ray{attempt}"),
                )
            return
        except Exception as error:  # Ray raises many kinds, a bare Exception for its own time limit
            ray.shutdown()
            if attempt == ATTEMPTS:
                reason = str(error).strip().splitlines()[:1] or [type(error).__name__]
                raise HpoError(
                    f"Ray could not be started on this machine in {ATTEMPTS} attempts ({reason[0]}); "
                    "it may be too busy"
                ) from error


@contextmanager
def _quiet_ray() -> Iterator[None]:
    """Keep messages of Ray's servers, such as a node's loss, out of the terminal; hpo has its own."""
    from ray._private import worker

    printed, worker.print_to_stdstream = worker.print_to_stdstream, lambda data, ignore_prefix: None
    try:
        yield
    finally:
        worker.print_to_stdstream = printed


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
def _cluster(address: str, words: LastWords) -> Iterator[None]:
    answers = True
    try:
        require_reachable(address)
        with _signal_handlers_kept(), quiet():
            answers = _join_cluster(address)
        if not answers:
            raise HpoError(
                f"the Ray cluster at {_host(address)} has not accepted this process within "
                f"{JOIN_SECONDS:g} s; the node that runs beside this process does not answer"
            )
        try:
            yield
        finally:
            answers = _leave_cluster()
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
        UserError: If there is no cluster to join.
    """
    import ray

    errors: list[Exception] = []

    def join() -> None:
        try:
            ray.init(address=address, log_to_driver=False, logging_level=logging.CRITICAL)
        except Exception as error:  # Ray raises many kinds
            errors.append(error)

    joining = threading.Thread(target=join, daemon=True)
    joining.start()
    joining.join(JOIN_SECONDS)
    if joining.is_alive():
        return False
    if errors:
        reason = " ".join(str(errors[0]).split()) or type(errors[0]).__name__
        reason = without_secrets(reason)
        raise UserError(f"there is no Ray cluster to join at {_host(address)!r}: {reason}") from errors[0]
    return True


def _leave_cluster() -> bool:
    """Disconnect, without waiting for a head that does not answer; return whether that is done."""
    import ray

    leaving = threading.Thread(target=ray.shutdown, daemon=True)
    leaving.start()
    leaving.join(LEAVE_SECONDS)
    return not leaving.is_alive()


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
        UserError: If the connection fails.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in address:
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, OverflowError) as error:
        raise UserError(f"there is no Ray cluster to join at {_host(address)!r}: {error}") from error


def _host(address: str) -> str:
    """The address as it may be shown; Ray has no passwords in addresses, but somebody may try one."""
    return address.rpartition("@")[2]


def local_gpus() -> float:
    """Return the number of GPUs of this machine, as Ray counts them."""
    from ray._private.accelerators import NvidiaGPUAcceleratorManager

    return float(NvidiaGPUAcceleratorManager.get_current_node_num_accelerators())
