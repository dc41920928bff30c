"""A PostgreSQL server for the tests: one that is named, or a private one of the binaries found here."""

import ctypes
import os
import pwd
import shutil
import signal
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hpo.core.temporary_folders import temporary_folder

PR_SET_PDEATHSIG = 1  # of linux/prctl.h

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

    def __init__(self, folder: Path, programs: Path, user: str | None, durable: bool = False):
        self._folder, self._programs, self._user = folder, programs, user
        self._flush = "on" if durable else "off"

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

    def answers(self) -> bool:
        """Return whether it accepts connections."""
        command = [self._programs / "pg_isready", "-q", "-h", str(self._folder)]
        return subprocess.run(command, check=False).returncode == 0

    def new_database(self) -> str:
        """URL of an empty database."""
        name = f"test_{uuid.uuid4().hex}"
        self.run("createdb", "-h", str(self._folder), "-U", "tests", name)
        return f"postgresql://tests@/{name}?host={self._folder}"

    def start(self) -> None:
        """Start it, and wait until it accepts connections."""
        settings = ("listen_addresses=", f"unix_socket_directories={self._folder}")
        settings += (f"fsync={self._flush}", "synchronous_commit=on")
        words = [self._programs / "postgres", "-D", "data"]
        words += [word for value in settings for word in ("-c", value)]
        with (self._folder / "log").open("ab") as log:
            where = {"cwd": self._folder, "stdout": log, "stderr": log}
            options = {"user": self._user, "preexec_fn": _end_with_this_process, **where}
            self._child = subprocess.Popen(words, **options)
        while not self.answers():
            with suppress(subprocess.TimeoutExpired):
                self._child.wait(0.1)
                raise AssertionError((self._folder / "log").read_text())

    def kill(self) -> None:
        """End it and every connection at once, as a crash does."""
        self._child.send_signal(signal.SIGQUIT)
        self._child.wait()


@contextmanager
def running(programs: Path, durable: bool = False) -> Iterator[Server]:
    """Start a server that ends with this process; root starts it as another user, as it refuses root.

    Args:
        programs: Folder of its programs.
        durable: Whether it flushes each commit to disk.
    """
    user = _other_user() if os.geteuid() == 0 else None
    with temporary_folder("pg-") as outer:  # short: it holds a socket
        outer.chmod(0o711)
        folder = outer / "s"
        folder.mkdir(0o700)
        if user:
            shutil.chown(folder, user)
        server = Server(folder, programs, user, durable)
        server.run("initdb", "-D", "data", "-U", "tests", "--auth=trust", "--no-sync", "-E", "UTF8")
        server.start()
        try:
            yield server
        finally:
            server.kill()


def _end_with_this_process() -> None:
    """Have the kernel end the server at once when the process that starts it ends, even by SIGKILL."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


def _other_user() -> str:
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
