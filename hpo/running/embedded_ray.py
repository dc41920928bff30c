"""The embedded Ray: started for one search on this machine, and ended with it.

It listens on the loopback device only, requires a token, runs no dashboard, and uses a private temporary
folder with a short path, because the names of its sockets are limited to 107 bytes.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hpo.core.errors import HpoError
from hpo.running import reaper
from hpo.running.loopback import ALONE, reload_ray_environment
from hpo.running.process_state import environment, signal_handlers_kept
from hpo.running.ray_output import quiet
from hpo.running.start_turns import start_turn

OBJECT_STORE_BYTES = 96 * 2**20
"""Only tasks and messages pass through Ray; data is mapped from files."""

ATTEMPTS = 3
"""Attempts to start the embedded Ray, each of which Ray itself limits to about two minutes."""

TURN_SECONDS = 180.0
"""Seconds that an attempt waits at most for other searches of this machine that are starting theirs."""

LONGEST_FOLDER = 36
"""Characters of the session's folder. The path of a socket has at most 107, and Ray adds
``/ray1/session_2026-01-31_23-59-59_123456_1234567/sockets/plasma_store`` and perhaps a number."""

_EMBEDDED = {
    "RAY_raylet_start_wait_time_s": "120",
    **ALONE,
    "RAY_AUTH_MODE": "token",
    "RAY_GRAFANA_HOST": "",
}


@contextmanager
def embedded_ray(
    folder: Path, cpus: float, gpus: float, stopping: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Run Ray on this machine while the block runs.

    Args:
        folder: Private temporary folder of the session, of at most `LONGEST_FOLDER` characters.
        cpus: CPUs that it offers.
        gpus: GPUs that it offers.
        stopping: Whether to stop waiting for the turn to start it.

    Raises:
        StoppedWaiting: If so.
        HpoError: If it does not start.
    """
    marker = secrets.token_hex(16)
    settings = {**_EMBEDDED, "RAY_AUTH_TOKEN": secrets.token_hex(32), reaper.MARKER: marker}
    try:
        with environment(settings):
            child = reaper.Reaper(marker, folder)
            reload_ray_environment()
            import ray

            try:
                _start(folder, cpus, gpus, stopping)
                yield
            finally:
                ray.shutdown()
                child.dismiss()
    finally:
        reload_ray_environment()


def _start(folder: Path, cpus: float, gpus: float, stopping: Callable[[], bool]) -> None:
    """Start the embedded Ray, again if a busy machine let it time out.

    Raises:
        StoppedWaiting: If it was asked to stop before its turn.
        HpoError: If it does not start.
    """
    reason = ""
    for attempt in range(1, ATTEMPTS + 1):
        with start_turn(TURN_SECONDS, stopping=stopping):
            reason = _attempt(folder / f"ray{attempt}", cpus, gpus)
        if not reason:
            return
    raise HpoError(
        f"Ray could not be started on this machine in {ATTEMPTS} attempts ({reason}); it may be too busy"
    )


def _attempt(folder: Path, cpus: float, gpus: float) -> str:
    """Start Ray once; return why it did not start, empty if it did."""
    import ray

    try:
        with signal_handlers_kept(), quiet():
            ray.init(
                address="local",
                num_cpus=max(1, round(cpus)),
                num_gpus=gpus or None,
                include_dashboard=False,
                object_store_memory=OBJECT_STORE_BYTES,
                log_to_driver=False,
                logging_level=logging.CRITICAL,
                _temp_dir=str(folder),  # Ray makes it readable by all; its parent stays private
            )
    except Exception as error:  # Ray raises many kinds, a bare Exception for its own time limit
        ray.shutdown()
        return (str(error).strip().splitlines() or [type(error).__name__])[0]
    return ""


def local_gpus() -> float:
    """Return the number of GPUs of this machine, as Ray counts them."""
    from ray._private.accelerators import NvidiaGPUAcceleratorManager

    return float(NvidiaGPUAcceleratorManager.get_current_node_num_accelerators())
