"""Ctrl-C and SIGTERM: the first stops a search cleanly, the second ends the process immediately.

They are handled from before a search is on record to its end, so that none reaches a handler of Python's
or of a library's, which would end the process at any point.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

ANSWER = b"stopping; once more to end at once\n"


class Signals:
    """Signals received while a search runs.

    Attributes:
        received: Number of the first signal; None if none was received.
    """

    def __init__(self) -> None:
        self.received: int | None = None

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Record the first signal; the second ends the process immediately, in a resumable state."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python delivers signals to the main thread only
            return

        def handle(number: int, _: FrameType | None) -> None:
            if self.received is not None:
                os._exit(128 + number)
            self.received = number
            with suppress(OSError):  # standard error may be closed
                os.write(2, ANSWER)  # print may be in the middle of a line

        watched = (signal.SIGINT, signal.SIGTERM)
        previous = [signal.signal(number, handle) for number in watched]
        try:
            yield
        finally:
            for number, handler in zip(watched, previous, strict=True):
                signal.signal(number, handler)
