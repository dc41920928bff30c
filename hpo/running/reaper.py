"""Ends what a killed search leaves behind: a child that waits for its parent's end.

Ray's servers outlive a driver that was killed, some of them for a minute. This process holds the
reading end of a pipe whose writing end only the driver has. When the pipe closes, whichever way the
driver ended, it ends every process that carries the driver's marker in its environment and removes
the session's folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil

MARKER = "HPO_SESSION"
"""Environment variable that Ray's processes inherit from the driver."""


class Reaper:
    """A child that outlives this process for as long as its work takes.

    Args:
        marker: Value of `MARKER` in the environment of what it has to end.
        folder: Session folder to remove afterwards.
    """

    def __init__(self, marker: str, folder: Path):
        reading, self._pipe = os.pipe()
        environment = {name: value for name, value in os.environ.items() if name != MARKER}
        self._child = subprocess.Popen(
            [sys.executable, "-P", "-m", "hpo.running.reaper", marker, str(folder), str(os.getpid())],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        os.close(reading)

    def dismiss(self) -> None:
        """Set it to work, as this process's end would, and wait until it is done."""
        os.close(self._pipe)
        self._child.wait()


def reap(marker: str, spare: int) -> None:
    """End every process that carries the marker, except the one to spare; it may end by itself."""
    for _ in range(10):
        left = [process for process in psutil.process_iter() if _carries(process, marker, spare)]
        for process in left:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        if not left:
            return
        psutil.wait_procs(left, timeout=1)


def _carries(process: psutil.Process, marker: str, spare: int) -> bool:
    if process.pid in (os.getpid(), spare):
        return False
    try:
        alive = process.status() != psutil.STATUS_ZOMBIE
        return alive and process.environ().get(MARKER) == marker
    except psutil.Error:
        return False


def remove(folder: Path) -> None:
    """Remove a folder, again if what was just ended had still put something into it."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def main() -> None:
    """Wait for the pipe to close, then end what is left."""
    marker, folder, parent = sys.argv[1:]
    sys.stdin.buffer.read()
    reap(marker, int(parent))
    remove(Path(folder))


if __name__ == "__main__":
    main()
