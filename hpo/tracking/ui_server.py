"""MLflow's user interface, on the right store, on this machine and for its owner only."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from hpo.core.errors import UserError
from hpo.core.listening import LOOPBACK, free_port, is_free
from hpo.core.temporary_folders import temporary_folder
from hpo.tracking import leaderboard, sqlite_schema, ui_guard
from hpo.tracking.leaderboard import Leaderboard
from hpo.tracking.target import Target

HOST = LOOPBACK
"""MLflow's server has a long history of vulnerabilities; it never listens on the network."""
USUAL_PORT = 5000
TRAINING = "workflowType=machine_learning"
"""Selects MLflow's menus for training instead of those for chatbots."""

FIRST_LINE = b"[MLflow] Security middleware enabled"
"""Start of the line that MLflow's server always writes; it explains how to open the server to the network."""


@dataclass(frozen=True, slots=True)
class UiServer:
    """A user interface, ready to start.

    Attributes:
        argv: Its command line.
        environ: Its environment.
        url: Its address in a browser, with the token.
    """

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    url: str

    def run(self, browse: Callable[[str], object] | None = None) -> int:
        """Serve until interrupted; return the exit status.

        Args:
            browse: Opens an address in a browser, once the server answers; None opens none.
        """
        with _deaf_to_ctrl_c():
            process = subprocess.Popen(self.argv, env=dict(self.environ), stderr=subprocess.PIPE)
        assert process.stderr is not None
        relay = threading.Thread(target=_pass_on, args=(process.stderr,), daemon=True)
        relay.start()
        try:
            with ExitStack() as files:
                if browse is not None and _answers(self.url, process):
                    browse(files.enter_context(_private_link(self.url)))
                return process.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            _stop(process)
            relay.join(timeout=10)


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Start processes that ignore Ctrl-C, by which they would end with a traceback; `_stop` ends them."""
    former = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)


def _pass_on(lines: IO[bytes]) -> None:
    """Show what a server writes, except for the line with which each one starts."""
    with lines:
        for line in lines:
            if not line.startswith(FIRST_LINE):
                sys.stderr.write(line.decode(errors="replace"))
                sys.stderr.flush()


def _answers(url: str, process: subprocess.Popen[bytes]) -> bool:
    """Wait until a server accepts connections; False if it ends before."""
    address = urlsplit(url)
    while process.poll() is None:
        with suppress(OSError), socket.create_connection((address.hostname or HOST, address.port or 80)):
            return True
        time.sleep(0.1)
    return False


@contextmanager
def _private_link(url: str) -> Iterator[str]:
    """Yield the address of a file that leads to another address.

    A browser's command line is readable by every user, so it must not contain the token.
    """
    with temporary_folder("ui-") as folder:
        file = Path(folder) / "open.html"
        file.write_text(f"<!doctype html><script>location.replace({json.dumps(url)})</script>")
        yield file.as_uri()


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
    host: str = HOST,
) -> UiServer:
    """Prepare to serve the user interface of a target.

    Args:
        target: What it shows; a missing store is created.
        port: Port to listen on; None takes the usual one, or any free one.
        environ: Environment of the server; by default that of this process.
        board: The leaderboard that it opens on; None for the list of runs.
        host: Address to listen on.

    Raises:
        UserError: If the port is taken, the target is a server, which has its own, or the guard is
            not installed.
    """
    if target.is_server:
        raise UserError(f"MLFLOW_TRACKING_URI names a tracking server: open {target.shown} in a browser")
    if not entry_points(group="mlflow.app", name=ui_guard.APP):
        raise UserError("this installation of hpo is older than its code; reinstall it")
    number = _port(port, host)
    target.home.create()
    page, query = "#/experiments", ""
    if not target.named:
        sqlite_schema.prepare(target.home.tracking, target.home.artifacts)
        page += _newest(target)
        if board is not None and leaderboard.is_supported():
            experiment = leaderboard.write_leaderboard(target.home.tracking, board)
            page, query = (
                (f"#/experiments/{experiment}/runs", leaderboard.QUERY) if experiment else (page, "")
            )
    argv = [sys.executable, "-m", "mlflow", "server", "--host", host, "--port", str(number), "--workers", "1"]
    # The address goes through the environment, since a command line shows passwords to everyone.
    argv += ["--no-serve-artifacts", "--default-artifact-root", str(target.home.artifacts)]
    argv += ["--app-name", ui_guard.APP]
    argv += ["--uvicorn-opts", "--log-level warning --no-access-log"]  # that log would contain the token
    argv += [] if host == HOST else ["--allowed-hosts", f"{host}:{number},{HOST}:{number},localhost:{number}"]
    token = secrets.token_urlsafe(32)
    settings = {
        "MLFLOW_BACKEND_STORE_URI": target.uri,
        "MLFLOW_REGISTRY_STORE_URI": target.uri,  # otherwise it says that it takes the same
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_LOGGING_LEVEL": "ERROR",
        "PYTHONWARNINGS": "ignore",
        ui_guard.TOKEN: token,
    }
    inherited = {
        name: value for name, value in (environ or os.environ).items() if name != "MLFLOW_TRACKING_URI"
    }
    url = f"http://{host}:{number}/?token={token}{page}?{TRAINING}" + (f"&{query}" if query else "")
    return UiServer(tuple(argv), {**inherited, **settings}, url)


def _newest(target: Target) -> str:
    """Return the page with the runs of the experiment that was last written to."""
    with closing(sqlite_schema.connect(target.home.tracking)) as store:
        row = store.execute("SELECT experiment_id FROM runs ORDER BY start_time DESC LIMIT 1").fetchone()
    return f"/{row[0]}/runs" if row else ""


def _port(wanted: int | None, host: str) -> int:
    if wanted is not None:
        if not is_free(wanted, host):
            raise UserError(f"port {wanted} is in use on {host}; choose another with --port, or omit --port")
        return wanted
    return free_port(USUAL_PORT, host)
