"""Private temporary folders that do not pile up: what a killed process leaves behind, the next one removes.

A lock on a file in the folder is held for as long as its process lives, however it ends.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hpo.core.errors import HpoError

PREFIX = "hpo-"
HELD = ".held"
"""Name of the file in a folder whose lock its process holds."""

SHORT = (Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"))  # `mkdtemp` makes private folders  # nosec B108
"""Where a path is short."""

RANDOM = 8
"""Characters that `tempfile` adds to a name."""


@contextmanager
def temporary_folder(kind: str = "", longest: int | None = None) -> Iterator[Path]:
    """Create a folder for its owner only, and remove it at the end of the block.

    Args:
        kind: Added to its name.
        longest: Characters that its path may have; None for any number.

    Raises:
        HpoError: If no temporary folder of this machine has a path that is short enough.
    """
    prefix = f"{PREFIX}{kind}"
    parent = _parent(len(prefix) + RANDOM, longest)
    remove_abandoned(parent)
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    held = _hold(folder / HELD, os.O_RDWR | os.O_CREAT)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def remove_abandoned(parent: Path) -> None:
    """Remove the folders in another one that belong to this user and to no living process."""
    for folder in parent.glob(f"{PREFIX}*"):
        try:
            status = folder.lstat()
            if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
                continue
            held = _hold(folder / HELD, os.O_RDWR)
        except OSError:  # another user's, without a lock, just removed, or held
            continue
        shutil.rmtree(folder, ignore_errors=True)
        os.close(held)


def _hold(file: Path, flags: int) -> int:
    """Lock a file until its handle is closed or this process ends.

    Raises:
        OSError: If another process holds it.
    """
    handle = os.open(file, flags | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def _parent(name: int, longest: int | None) -> Path:
    """Return the usual folder for temporary files, or the first common one whose path is short enough."""
    usual = Path(tempfile.gettempdir()).absolute()
    if longest is None:
        return usual
    for folder in (usual, *SHORT):
        if len(os.fsencode(folder)) + 1 + name <= longest and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise HpoError(
        f"TMPDIR {usual}: Ray needs a folder for temporary files whose path has at most "
        f"{longest - 1 - name} characters, and /tmp cannot be written to"
    )
