"""Keeping lines that Ray writes out of the terminal."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

LOG_LEVEL = {"RAY_BACKEND_LOG_LEVEL": "fatal"}
"""Environment in which Ray's C++ code writes nothing but the line that says so."""


@contextmanager
def quiet() -> Iterator[None]:
    """Send standard error, as a file descriptor, nowhere while the block runs; exceptions still pass."""
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # it is closed
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


@contextmanager
def quiet_servers() -> Iterator[None]:
    """Keep messages of Ray's servers, such as a node's loss, out of the terminal; hpo has its own."""
    from ray._private import worker

    printed, worker.print_to_stdstream = worker.print_to_stdstream, lambda data, ignore_prefix: None
    try:
        yield
    finally:
        worker.print_to_stdstream = printed


@contextmanager
def silent_listeners() -> Iterator[None]:
    """Keep what Ray's own threads raise out of the terminal while the block runs.

    They listen to a head that may be lost, which hpo reports itself. After an error of the block it stays so,
    because such a thread may end later.
    """
    before = threading.excepthook

    def without_listeners(raised: threading.ExceptHookArgs) -> None:
        if raised.thread is None or not raised.thread.name.startswith("ray_"):
            before(raised)

    threading.excepthook = without_listeners
    yield
    threading.excepthook = before
