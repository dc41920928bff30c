"""Room on the disk: asked for before a search starts, watched while it runs, its end said plainly.

A search that stops while there is still room for its last words loses nothing. Where the room goes
all at once, what is on record stays whole, and the search can be resumed once there is room again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from hpo.core.errors import DiskFull, HpoError, is_full
from hpo.core.home import Home

TO_START = 48 * 2**20
TO_GO_ON = 24 * 2**20
"""Bytes that must be free: for what ledger and mirror grow by, and a few small checkpoints."""


def require_disk_space(home: Home, least: int = TO_START) -> None:
    """Refuse to go on where there is too little room.

    Raises:
        HpoError: If fewer bytes are free on the disk that holds the home.
    """
    free = shutil.disk_usage(home.root).free
    if free < least:
        raise HpoError(
            f"the disk that holds {home.root} has {free / 2**20:.0f} MiB left and a search needs "
            f"{least / 2**20:.0f} MiB free; make space, or keep searches elsewhere with --home"
        )


@contextmanager
def full_disk_reported(home: Home) -> Iterator[None]:
    """Turn the operating system's word for a full disk into one clear sentence.

    Raises:
        DiskFull: In its place.
    """
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise DiskFull("the search cannot go on", home.root) from error
