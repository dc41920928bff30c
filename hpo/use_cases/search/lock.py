"""The lock of a search: one process runs it, and a second one learns which process that is.

The operating system releases the lock when its holder dies for any reason.
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
from hpo.core.json_values import parsed
from hpo.core.private_files import refuse_links, replace_file, require_own

TIMEOUT = 1.0
"""Seconds to try: `is_locked` holds the lock for a moment, too, and a holder needs one to write its name."""


@contextmanager
def hold_lock(folder: SearchFolder, name: str) -> Iterator[None]:
    """Hold a search's lock while the block runs.

    Raises:
        Refused: If another process holds it.
        UserError: If the home belongs to another user, or contains a symbolic link.
    """
    create_folder(folder)
    lock = FileLock(folder.lock, timeout=TIMEOUT)
    holder = folder.lock.with_suffix(".holder")
    try:
        lock.acquire()
    except Timeout as error:
        raise Refused(f"{name} is being run by {_read(holder)}") from error
    try:
        with suppress(OSError):  # a full disk; a second process is then refused without a name
            replace_file(holder, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def create_folder(folder: SearchFolder) -> None:
    """Create the folder of a search, if it does not exist yet.

    Raises:
        UserError: If the home belongs to another user, or contains a symbolic link.
    """
    home = folder.root.parent.parent
    require_own(home)
    refuse_links(home, folder.root)
    folder.root.mkdir(parents=True, exist_ok=True)


def is_locked(folder: SearchFolder) -> bool:
    """Return whether a process holds the search now."""
    try:
        with folder.lock.open() as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)  # several processes may check at once
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def _read(holder: os.PathLike[str]) -> str:
    try:
        with open(holder) as file:
            document = parsed(file.read())
        return f"process {document['pid']} on {document['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
