"""Keeping lines that Ray writes below Python out of the terminal."""

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
