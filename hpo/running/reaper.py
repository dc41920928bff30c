"""Cleans up after a killed search: a child process that waits for its parent's end.

Ray's servers outlive a killed driver, some of them by a minute. This process holds the reading end of a
pipe whose writing end only the driver has. When the pipe closes, however the driver ended, it kills every
process with the driver's marker in its environment and removes the session's folder.
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
    """A child process that outlives this one until the cleanup is done.

    Args:
        marker: Value of `MARKER` in the environment of the processes to kill.
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
        """Start the cleanup, as the end of this process would, and wait until it is done."""
        os.close(self._pipe)
        self._child.wait()


def reap(marker: str, spare: int) -> None:
    """Kill every process that has the marker, except the driver, which may still be ending."""
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
        return process.environ().get(MARKER) == marker
    except psutil.Error:  # it has ended, or is another user's
        return False


def remove(folder: Path) -> None:
    """Remove a folder, repeatedly if processes that were just killed had added files."""
    for _ in range(20):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.1)


def main() -> None:
    """Wait for the pipe to close, then clean up."""
    marker, folder, parent = sys.argv[1:]
    sys.stdin.buffer.read()
    reap(marker, int(parent))
    remove(Path(folder))


if __name__ == "__main__":
    main()
