"""One process at a time runs a search; whoever comes second is told who is first.

The operating system lets go of the lock when its holder dies, however it died.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from filelock import FileLock, Timeout

from hpo.core.errors import Refused
from hpo.core.home import SearchFolder

GLANCE = 1.0
"""Seconds to try: `is_locked` holds the lock for a moment, too, and a holder takes one to say who it is."""


@contextmanager
def hold_lock(folder: SearchFolder, name: str) -> Iterator[None]:
    """Hold a search while the block runs.

    Raises:
        Refused: If another process holds it.
    """
    folder.root.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.lock, timeout=GLANCE)
    holder = folder.lock.with_suffix(".holder")
    try:
        lock.acquire()
    except Timeout as error:
        raise Refused(f"{name} is being run by {_read(holder)}") from error
    try:
        with suppress(OSError):  # a full disk; whoever comes second is refused without a name
            holder.write_text(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def is_locked(folder: SearchFolder) -> bool:
    """Whether some process holds the search right now."""
    try:
        with folder.lock.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # several may look at once
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def _read(holder: os.PathLike[str]) -> str:
    try:
        with open(holder) as file:
            said = json.load(file)
        return f"process {said['pid']} on {said['host']}"
    except (OSError, ValueError, KeyError):
        return "another process"
