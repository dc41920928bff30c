"""MLflow's user interface, on the right store and only on this machine."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass

from hpo.core.errors import UserError
from hpo.tracking import leaderboard, sqlite_schema
from hpo.tracking.leaderboard import Leaderboard
from hpo.tracking.target import Target

HOST = "127.0.0.1"
"""MLflow's server has a long history of vulnerabilities; it never listens on the network."""
USUAL_PORT = 5000
TRAINING = "workflowType=machine_learning"
"""Selects MLflow's menus for training instead of those for chatbots."""


@dataclass(frozen=True, slots=True)
class UiServer:
    """A user interface, ready to start.

    Attributes:
        argv: Its command line.
        environ: Its environment.
        url: Its address in a browser.
    """

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    url: str

    def run(self) -> int:
        """Serve until interrupted; return the exit status."""
        process = subprocess.Popen(self.argv, env=dict(self.environ))
        try:
            return process.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            _stop(process)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Stop the server, with SIGTERM first so that it can stop its workers."""
    for stop in (process.terminate, process.kill):
        if process.poll() is None:
            stop()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)


def prepare_ui_server(
    target: Target,
    port: int | None = None,
    environ: Mapping[str, str] | None = None,
    board: Leaderboard | None = None,
) -> UiServer:
    """Prepare to serve the user interface of a target.

    Args:
        target: What it shows; a missing store is created.
        port: Port to listen on; None takes the usual one, or any free one.
        environ: Environment of the server; by default that of this process.
        board: The leaderboard that it opens on; None for the list of runs.

    Raises:
        UserError: If the port is taken, or the target is a server, which has its own.
    """
    if target.is_server:
        raise UserError(f"MLFLOW_TRACKING_URI names a tracking server: open {target.shown} in a browser")
    number = _port(port)
    target.home.create()
    page, query = "/#/experiments", ""
    if not target.named:
        sqlite_schema.prepare(target.home.tracking, target.home.artifacts)
        page += _newest(target)
        if board is not None and leaderboard.is_supported():
            experiment = leaderboard.write_leaderboard(target.home.tracking, board)
            page, query = (
                (f"/#/experiments/{experiment}/runs", leaderboard.QUERY) if experiment else (page, "")
            )
    argv = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(number), "--workers", "1"]
    # The address goes through the environment, since a command line shows passwords to everyone.
    argv += ["--no-serve-artifacts", "--default-artifact-root", str(target.home.artifacts)]
    argv += ["--uvicorn-opts", "--log-level warning"]  # not a line for every request
    settings = {
        "MLFLOW_BACKEND_STORE_URI": target.uri,
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    inherited = {
        name: value for name, value in (environ or os.environ).items() if name != "MLFLOW_TRACKING_URI"
    }
    return UiServer(
        tuple(argv),
        {**inherited, **settings},
        f"http://{HOST}:{number}{page}?{TRAINING}" + (f"&{query}" if query else ""),
    )


def _newest(target: Target) -> str:
    """Return the page with the runs of the experiment that was last written to."""
    with closing(sqlite_schema.connect(target.home.tracking)) as store:
        row = store.execute("SELECT experiment_id FROM runs ORDER BY start_time DESC LIMIT 1").fetchone()
    return f"/{row[0]}/runs" if row else ""


def _port(wanted: int | None) -> int:
    if wanted is not None:
        if not _is_free(wanted):
            raise UserError(f"port {wanted} is in use on {HOST}; choose another with --port, or omit --port")
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
