"""What a training's programs and C libraries write, beside what Python prints.

They write to file descriptors 1 and 2, which `sys.stdout` and `sys.stderr` only stand for. For the time
of a training the descriptors are the training's log itself, not a pipe that a thread of this process
would read: C code that writes while it holds Python's global lock could fill a pipe and wait forever, and
the last words of a process that is killed would be lost.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator

BY_LINE = 1
"""`_IOLBF` of C's `setvbuf`, on Linux and macOS."""


@contextlib.contextmanager
def sent_to(file: int) -> Iterator[None]:
    """Send what is written to standard output and error, whoever writes it, to an open file inside.

    A program that is started inside and outlives the block goes on writing to the file.

    Args:
        file: Descriptor of the file, opened for appending.
    """
    _flush()
    kept = os.dup(1), os.dup(2)
    try:
        for descriptor in (1, 2):
            os.dup2(file, descriptor)
        yield
    finally:
        _flush()
        for descriptor, before in zip((1, 2), kept, strict=True):
            os.dup2(before, descriptor)
            os.close(before)


def write_by_line() -> None:
    """Have C's standard output written line by line, as Python's is, so that a log is read while it grows."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        ctypes.CDLL(None).setvbuf(_c_stdout(), None, BY_LINE, ctypes.c_size_t(0))


def _flush() -> None:
    """Write what is buffered to where the descriptors lead now."""
    for stream in (sys.__stdout__, sys.__stderr__):
        with contextlib.suppress(OSError, ValueError, AttributeError):  # closed, or the disk is full
            stream.flush()  # type: ignore[union-attr]
    with contextlib.suppress(OSError, ValueError, AttributeError):
        ctypes.CDLL(None).fflush(_c_stdout())  # of all files it would wait for one that is being read


def _c_stdout() -> ctypes.c_void_p:
    name = "__stdoutp" if sys.platform == "darwin" else "stdout"
    return ctypes.c_void_p.in_dll(ctypes.CDLL(None), name)
