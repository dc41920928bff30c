"""How the mirror behaves as a process: modestly, and never longer than it is wanted."""

from __future__ import annotations

import os
import select
import signal
import time

NICENESS = 10
"""Training goes first: with both cores busy the mirror gets about a tenth of one."""


def settle() -> None:
    """Make this process a modest one: low priority, private files, deaf to Ctrl-C.

    A terminal sends Ctrl-C to the mirror as well as to the search, whose last events it is still
    to show. It ends when its `Leash` does.
    """
    os.nice(NICENESS)
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Leash:
    """A pipe held open by whoever started this process, and closed when that one is done or dead.

    Nothing is ever written to it. A process that was killed can send no message, but its end of
    the pipe is closed all the same.

    Args:
        pipe: File descriptor of the reading end; standard input by default.
    """

    def __init__(self, pipe: int = 0):
        self._pipe = pipe
        self._dropped = False

    def dropped(self) -> bool:
        """Whether the other end was closed."""
        self._look(0)
        return self._dropped

    def wait(self, seconds: float) -> None:
        """Sleep, but wake up when the other end is closed."""
        if self._dropped:
            time.sleep(seconds)
        else:
            self._look(seconds)

    def _look(self, seconds: float) -> None:
        if self._dropped:
            return
        readable, _, _ = select.select([self._pipe], [], [], seconds)
        if readable and not os.read(self._pipe, 1024):
            self._dropped = True
