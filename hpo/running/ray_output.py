"""Keeping lines that Ray writes out of the terminal."""

from __future__ import annotations

import os
import sys
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
