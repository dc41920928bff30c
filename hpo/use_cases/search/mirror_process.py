"""The mirror of a running search: a separate process that copies the ledger into MLflow."""

from __future__ import annotations

import getpass
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from filelock import FileLock, Timeout

from hpo.core.errors import HpoError
from hpo.core.home import Home, SearchFolder
from hpo.core.private_files import open_log
from hpo.ledger.searches import objective_of, open_ledger, opened_of
from hpo.ledger.store import SearchLedger
from hpo.tracking import mirror_progress
from hpo.tracking.mirror import Mirror
from hpo.tracking.projection import RunProjection
from hpo.tracking.run_changes import Unreachable
from hpo.tracking.target import Target

RETRY = 5.0
"""Seconds between attempts at a store that cannot be opened."""

RESTART, LONGEST_RESTART = 1.0, 60.0
"""Seconds before a mirror that was killed starts again, the first and at most any time."""

FINAL_WAIT = 20.0
"""Seconds that a search waits for its mirror at its end."""

STOP_WAIT = 8.0
"""The same if the search was asked to stop: it may be killed soon; `hpo service mirror` copies the rest."""


@contextmanager
def mirror_running(
    home: Home, ledger: SearchLedger, stopping: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Mirror a search into MLflow while the block runs; at its end the mirror catches up.

    Args:
        home: Home of the search.
        ledger: Its record.
        stopping: Returns whether the search was asked to stop.
    """
    mirror = MirrorProcess(home, ledger.name)
    try:
        yield
    finally:
        mirror.finish(STOP_WAIT if stopping() else FINAL_WAIT)


class MirrorProcess:
    """The mirror's process, and a thread that starts it again whenever it ends too early.

    Args:
        home: Home of the search.
        name: Name of the search.
    """

    def __init__(self, home: Home, name: str):
        self._words = [
            sys.executable,
            "-P",
            "-m",
            "hpo.use_cases.search.mirror_process",
            str(home.root),
            name,
        ]
        self._log = home.search(name).root / "mirror.log"
        self._finishing, self._lock = threading.Event(), threading.Lock()
        self._child = self._started()
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    @property
    def pid(self) -> int:
        """Number of the process that runs now, or ran last."""
        return self._child.pid

    def finish(self, seconds: float) -> None:
        """Let the mirror copy what is left; kill it if that takes too long."""
        with self._lock:
            self._finishing.set()
        if self._ended_within(seconds) and self._child.returncode < 0:  # killed by somebody else
            self._restart()
            self._ended_within(seconds)
        self._keeper.join()

    def _ended_within(self, seconds: float) -> bool:
        """Tell the mirror that the search is over, and kill it if it takes longer."""
        assert self._child.stdin is not None
        self._child.stdin.close()
        try:
            self._child.wait(seconds)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
            return False
        return True

    def _restart(self) -> None:
        assert self._child.stdin is not None
        self._child.stdin.close()
        self._child = self._started("a")

    def _started(self, mode: str = "w") -> subprocess.Popen[bytes]:
        with open_log(self._log, mode) as log:
            return subprocess.Popen(
                self._words,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )

    def _keep(self) -> None:
        pause = RESTART
        while True:
            self._child.wait()
            if self._finishing.wait(pause):
                return
            with self._lock:
                if self._finishing.is_set():
                    return
                self._restart()
            pause = min(2 * pause, LONGEST_RESTART)


def follow(home: Home, name: str) -> bool:
    """Mirror a search until standard input closes, then a last time; return whether all was copied."""
    folder = home.search(name)
    while True:
        try:
            with writer_lock(folder):
                return mirror_of(home, open_ledger(name, home)).follow(_parent_is_done, _wait)
        except Timeout:
            continue  # the mirror of a killed search, which copies the rest and ends
        except (Unreachable, HpoError) as error:
            before = mirror_progress.load_progress(folder)
            mirror_progress.save_progress(folder, replace(before, error=str(error)))
        if _parent_is_done():
            return False
        _wait(RETRY)


@contextmanager
def writer_lock(folder: SearchFolder) -> Iterator[None]:
    """Hold the writer lock of a search's runs: two writers at once would both create them.

    Raises:
        Timeout: If another process holds it for some seconds.
    """
    with FileLock(folder.root / "mirror.lock", mode=0o600, timeout=RETRY):
        yield


def mirror_of(home: Home, ledger: SearchLedger, *, restore: bool = False) -> Mirror:
    """Return the mirror of a search.

    Args:
        home: Home of the search.
        ledger: Its record.
        restore: Whether an experiment that was deleted in MLflow comes back.

    Raises:
        Unreachable: If its store cannot be opened now.
    """
    opened = opened_of(ledger)
    folder = home.search(ledger.name)
    names = list(opened.spec["space"])
    projection = RunProjection(ledger.name, names, objective_of(opened), folder, getpass.getuser())
    return Mirror(
        ledger, Target.of(home).store(opened.spec["experiment"], restore=restore), projection, folder
    )


def _parent_is_done() -> bool:
    ready, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(ready)


def _wait(seconds: float) -> None:
    select.select([sys.stdin], [], [], seconds)


def main() -> int:
    """Mirror the search named on the command line."""
    os.nice(10)
    os.umask(0o077)
    return 0 if follow(Home.at(sys.argv[1]), sys.argv[2]) else 1


if __name__ == "__main__":
    sys.exit(main())
