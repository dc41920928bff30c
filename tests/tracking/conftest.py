"""A tracking server and empty stores."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from hpo.core.home import Home
from hpo.tracking.sqlite_schema import prepare


class Server:
    """A real tracking server that can be killed and started again on its port."""

    def __init__(self, folder: Path):
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.uri = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        store = f"sqlite:///{self.folder / 'server.db'}"
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--workers", "1", "--backend-store-uri", store]
        command += ["--artifacts-destination", str(self.folder / "files")]
        environ = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
        environ["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] = "false"
        with open(self.folder / "server.log", "ab") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environ, cwd=self.folder, start_new_session=True
            )
        self._await()

    def _await(self) -> None:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(self.uri + "/health", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                assert self.process is not None
                assert self.process.poll() is None, (self.folder / "server.log").read_text()
                time.sleep(0.1)
        raise TimeoutError("the tracking server did not answer")

    def kill(self) -> None:
        if self.process is not None:
            # Its workers are in its own session.
            os.killpg(self.process.pid, 9)
            self.process.wait()
            self.process = None


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server"))
    prepare(running.folder / "server.db", running.folder / "files")
    running.start()
    yield running
    running.kill()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path / "home").create()
