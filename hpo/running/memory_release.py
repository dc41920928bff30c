"""Returning memory that a training has freed to the system before the next one begins."""

from __future__ import annotations

import contextlib
import ctypes
import gc


def release_memory() -> None:
    """Free what a training left behind and return it to the system.

    glibc keeps freed memory in arenas, and each thread may use a different one: in a Ray worker that
    trained a dozen networks this added up to four times what any of them needed. Other C libraries need
    no such call.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
