"""Reading a file that may come from somebody else: never a pipe, a device, or more than fits in memory."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

MOST = 64 << 20
"""Bytes of a document, such as an account."""


def read_regular(path: Path, most: float = MOST) -> bytes:
    """Return the content of a file.

    Args:
        path: The file; a link to one is followed.
        most: Largest number of bytes that is read; infinite for any.

    Raises:
        OSError: If it cannot be opened, is not a regular file (opening a pipe would wait for its writer),
            or is larger.
    """
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if status.st_size > most:
            raise OSError(errno.EFBIG, f"it has more than {most:,} bytes, the limit", str(path))
        return file.read(status.st_size)
