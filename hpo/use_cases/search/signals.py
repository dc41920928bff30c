"""Ctrl-C and SIGTERM: once to stop cleanly, twice to end at once; the first is answered at once.

They are heard from a search's first moment to its last, so that none of them meets a handler of
Python's or of a library's, which would end the process wherever it stands.
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
    """What the process was asked to do while a search ran.

    Attributes:
        received: Number of the first signal; None if there was none.
    """

    def __init__(self) -> None:
        self.received: int | None = None

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Note the first signal; the second ends the process at once, resumable as it is."""
        if threading.current_thread() is not threading.main_thread():
            yield  # Python delivers signals to the main thread alone
            return

        def handle(number: int, _: FrameType | None) -> None:
            if self.received is not None:
                os._exit(128 + number)
            self.received = number
            with suppress(OSError):  # nobody may be listening any more
                os.write(2, ANSWER)  # print may be in the middle of a line of its own

        watched = (signal.SIGINT, signal.SIGTERM)
        before = [signal.signal(number, handle) for number in watched]
        try:
            yield
        finally:
            for number, former in zip(watched, before, strict=True):
                signal.signal(number, former)
