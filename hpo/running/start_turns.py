"""Searches that begin at once on one machine start their Rays one after the other.

Ray starts half a dozen processes and limits the time that each of them may take. Eight starts at the same
time slow each other down until most of them fail, although one after the other takes no longer.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

POLL = 0.1
"""Seconds between two attempts to be next."""


class StoppedWaiting(Exception):
    """The search was asked to stop while it waited for its turn."""


@contextmanager
def start_turn(
    seconds: float, folder: Path | None = None, stopping: Callable[[], bool] = lambda: False
) -> Iterator[bool]:
    """Wait until no other process of this user is starting Ray, then keep others waiting.

    Args:
        seconds: Longest wait; after it the block runs all the same.
        folder: Folder of the lock file; the one for temporary files by default.
        stopping: Whether to stop waiting.

    Yields:
        Whether this process has its turn.

    Raises:
        StoppedWaiting: If so.
    """
    lock = _opened((folder or Path(tempfile.gettempdir())) / f"hpo-ray-start-{os.geteuid()}.lock")
    if lock is None:
        yield False
        return
    try:
        yield _locked(lock, seconds, stopping)
    finally:
        os.close(lock)  # its end would unlock it, too


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    except OSError:  # another user's, or a link: better no turns than no search
        return None


def _locked(lock: int, seconds: float, stopping: Callable[[], bool]) -> bool:
    end = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if stopping():
                raise StoppedWaiting from None
            if time.monotonic() >= end:
                return False
            time.sleep(POLL)
        else:
            return True
