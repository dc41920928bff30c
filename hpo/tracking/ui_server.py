"""MLflow's own user interface, on the right store and for this machine alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass

from hpo.core.errors import UserError
from hpo.tracking import sqlite_schema
from hpo.tracking.target import Target

HOST = "127.0.0.1"
"""MLflow's server has a long history of holes; it is never offered to the network."""
USUAL_PORT = 5000
TRAINING = "workflowType=machine_learning"
"""Has MLflow show its menus for training; without it they are those for chatbots."""


@dataclass(frozen=True, slots=True)
class UiServer:
    """A user interface that can be started.

    Attributes:
        argv: Its command line.
        environ: Its environment.
        url: Where it is to be seen.
    """

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    url: str

    def run(self) -> int:
        """Serve until interrupted; the exit status."""
        process = subprocess.Popen(self.argv, env=dict(self.environ))
        try:
            return process.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server, politely first: it has workers to end in its turn."""
    for ask in (process.terminate, process.kill):
        if process.poll() is None:
            ask()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)


def prepare_ui_server(
    target: Target, port: int | None = None, environ: Mapping[str, str] | None = None
) -> UiServer:
    """How to serve the user interface of a target.

    Args:
        target: What it is to show; a store that is not there yet is made.
        port: Where it listens; None takes the usual one, or any if that is taken.
        environ: The environment it starts from; this process's by default.

    Raises:
        UserError: If the port is taken, or the target is a server, which has its own.
    """
    if target.is_server:
        raise UserError(f"MLFLOW_TRACKING_URI names a tracking server: open {target.shown} in a browser")
    number = _port(port)
    target.home.create()
    page = "/#/experiments"
    if not target.named:
        sqlite_schema.prepare(target.home.tracking, target.home.artifacts)
        page += _newest(target)
    argv = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(number), "--workers", "1"]
    # The address goes through the environment, since a command line shows passwords to everyone.
    argv += ["--no-serve-artifacts", "--default-artifact-root", str(target.home.artifacts)]
    settings = {
        "MLFLOW_BACKEND_STORE_URI": target.uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    own = {name: value for name, value in (environ or os.environ).items() if name != "MLFLOW_TRACKING_URI"}
    return UiServer(tuple(argv), {**own, **settings}, f"http://{HOST}:{number}{page}?{TRAINING}")


def _newest(target: Target) -> str:
    """The experiment that was written to last: its list of runs is the page one comes for."""
    with closing(sqlite_schema.connect(target.home.tracking)) as store:
        found = store.execute("SELECT experiment_id FROM runs ORDER BY start_time DESC LIMIT 1").fetchone()
    return f"/{found[0]}/runs" if found else ""


def _port(wanted: int | None) -> int:
    if wanted is not None:
        if not _is_free(wanted):
            raise UserError(f"port {wanted} is taken on {HOST}; choose another with --port, or leave it out")
        return wanted
    if _is_free(USUAL_PORT):
        return USUAL_PORT
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError):
            return False
        return True
