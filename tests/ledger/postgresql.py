"""A PostgreSQL server for the tests: one that is named, or a private one of the binaries found here."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAMED = "HPO_TEST_POSTGRESQL"
"""Environment variable with the URL of a database that the tests may write to."""


def binaries() -> Path | None:
    """Folder of the server's programs; Debian keeps them out of the PATH, the newest version last."""
    on_path = shutil.which("initdb")
    candidates = (
        [Path(on_path).resolve().parent] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    )
    return candidates[-1] if candidates else None


class Server:
    """A running server on a socket in a private folder."""

    def __init__(self, folder: Path, programs: Path, user: str | None):
        self._folder, self._programs, self._user = folder, programs, user

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs as the server's user."""
        done = subprocess.run(
            [self._programs / program, *arguments],
            user=self._user,
            cwd=self._folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"

    def new_database(self) -> str:
        """URL of an empty database."""
        name = f"test_{uuid.uuid4().hex}"
        self.run("createdb", "-h", str(self._folder), "-U", "tests", name)
        return f"postgresql://tests@/{name}?host={self._folder}"


@contextmanager
def running(programs: Path) -> Iterator[Server]:
    """Start a server; the database refuses to run as root, so root starts it as another user."""
    user = _other_user() if os.geteuid() == 0 else None
    folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: it holds a socket
    if user:
        shutil.chown(folder, user)
    server = Server(folder, programs, user)
    data, log = str(folder / "data"), str(folder / "log")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    try:
        server.run("initdb", "-D", data, "-U", "tests", "--auth=trust", "--no-sync", "-E", "UTF8")
        server.run("pg_ctl", "start", "-w", "-D", data, "-l", log, "-o", options)
        try:
            yield server
        finally:
            server.run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", data)
    finally:
        shutil.rmtree(folder)


def _other_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
