"""Disk space: required before a search starts, and watched while it runs.

A search that stops while there is still space for its last events loses nothing. If the disk fills up
suddenly, the record stays intact, and the search can be resumed after space was freed.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from hpo.core.errors import DiskFull, HpoError, is_full
from hpo.core.home import Home

TO_START = 48 * 2**20
TO_GO_ON = 24 * 2**20
"""Bytes that must be free, enough for the growth of ledger and mirror and a few small checkpoints."""


def require_disk_space(home: Home, least: int = TO_START) -> None:
    """Refuse to continue with too little disk space.

    Raises:
        HpoError: If fewer bytes are free on the disk that holds the home.
    """
    free = shutil.disk_usage(home.root).free
    if free < least:
        raise HpoError(
            f"the disk that holds {home.root} has {free / 2**20:.0f} MiB left and a search needs "
            f"{least / 2**20:.0f} MiB free; free some space, or keep searches elsewhere with --home"
        )


@contextmanager
def full_disk_reported(home: Home) -> Iterator[None]:
    """Turn the operating system's error for a full disk into one clear sentence.

    Raises:
        DiskFull: Instead of that error.
    """
    try:
        yield
    except OSError as error:
        if not is_full(error):
            raise
        raise DiskFull("the search cannot continue", home.root) from error
