"""Ray for the time of one search: an embedded one that leaves nothing behind, or a cluster.

The embedded Ray listens on the loopback device alone, asks for a token, serves no dashboard, and
lives in a private temporary folder with a short path, because its sockets' names must fit into
107 bytes.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hpo.core.errors import HpoError, UserError
from hpo.running import reaper

OBJECT_STORE_BYTES = 96 * 2**20
"""Only orders and messages pass through Ray; data is mapped from files."""

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


@contextmanager
def ray_session(address: str | None, cpus: float, gpus: float, workers: int) -> Iterator[Path]:
    """Have Ray while the block runs.

    Args:
        address: A cluster's address; None for an embedded Ray.
        cpus: CPUs that the embedded Ray offers.
        gpus: GPUs that the embedded Ray offers.
        workers: Trials at once.

    Yields:
        A private temporary folder for Tune's own files.

    Raises:
        UserError: If there is no cluster at the address.
    """
    os.environ.update(_SETTINGS, TUNE_MAX_PENDING_TRIALS_PG=str(workers))
    folder = Path(tempfile.mkdtemp(prefix="hpo-"))
    try:
        with _cluster(address) if address else _embedded(folder, cpus, gpus):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _embedded(folder: Path, cpus: float, gpus: float) -> Iterator[None]:
    marker = secrets.token_hex(16)
    os.environ.update(_EMBEDDED, RAY_AUTH_TOKEN=secrets.token_hex(32))
    os.environ[reaper.MARKER] = marker
    child = reaper.Reaper(marker, folder)
    import ray
    from ray._private import ray_constants
    from ray._raylet import AuthenticationTokenLoader, Config  # type: ignore[attr-defined]

    # Ray reads its environment once. This process may have used it before, or it may be its second
    # session, with another token.
    ray_constants.ENABLE_RAY_CLUSTER = False
    Config.initialize("")
    AuthenticationTokenLoader.instance().reset_cache()
    try:
        ray.init(
            address="local",
            num_cpus=max(1, round(cpus)),
            num_gpus=gpus or None,
            include_dashboard=False,
            object_store_memory=OBJECT_STORE_BYTES,
            log_to_driver=False,
            logging_level=logging.ERROR,
            _temp_dir=str(folder),
        )
        yield
    except OSError as error:
        raise HpoError(f"Ray could not be started: {error}") from error
    finally:
        ray.shutdown()
        child.dismiss()
        del os.environ[reaper.MARKER]


@contextmanager
def _cluster(address: str) -> Iterator[None]:
    import ray

    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise UserError(f"there is no Ray cluster to join at {address!r}: {error}") from error
    try:
        yield
    finally:
        ray.shutdown()


def local_gpus() -> float:
    """GPUs of this machine, as Ray counts them."""
    from ray._private.accelerators import NvidiaGPUAcceleratorManager

    return float(NvidiaGPUAcceleratorManager.get_current_node_num_accelerators())


def nodes() -> list[dict[str, Any]]:
    """The nodes that are alive in the Ray that is running."""
    import ray

    return [node for node in ray.nodes() if node["Alive"]]
