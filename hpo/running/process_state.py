"""Keeping what Ray changes in this process as it was: environment variables and signal handlers."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def environment(settings: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables while the block runs, then restore them."""
    former = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in former.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def signal_handlers_kept() -> Iterator[None]:
    """Keep this process's signal handlers while Ray starts in the block.

    Ray's own handlers exit at any point of a search: one in Python, and one below Python that prints a
    stack trace and aborts three seconds later.
    """
    from ray._private import utils

    ours = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    theirs, utils.set_sigterm_handler = utils.set_sigterm_handler, lambda handler: None
    try:
        yield
    finally:
        utils.set_sigterm_handler = theirs
        if threading.current_thread() is threading.main_thread():
            for number, handler in ours.items():
                signal.signal(number, handler)
            if signal.getsignal(signal.SIGALRM) is signal.SIG_DFL:
                signal.alarm(0)  # Ray's, set by a signal that arrived meanwhile
