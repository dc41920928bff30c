"""Memory that a training has freed, given back to the system before the next one begins."""

from __future__ import annotations

import contextlib
import ctypes
import gc


def release_memory() -> None:
    """Free what a training left behind, and return it.

    glibc keeps freed memory in arenas, a thread's in another than the last one's: among Ray's threads a
    worker that trained a dozen networks held four times what any of them needed. Elsewhere there is
    nothing to ask for.
    """
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
