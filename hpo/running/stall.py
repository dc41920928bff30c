"""What happens when nothing has progressed for a while: report what is waited for, recover, or end."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import Enum

SAY_SECONDS = 30.0
"""Seconds without progress after which the search says what it waits for, and tries to recover."""

END_SECONDS = 300.0
"""Seconds without progress after which a search ends that waits for something that cannot come by itself."""


class Stall(Enum):
    """What to do about a search that does not progress."""

    NONE = "none"
    SAY = "say"
    END = "end"


class StallWatch:
    """Tracks progress and detects stalls; each stall is reported once.

    Args:
        clock: Returns monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._last = clock()
        self._mark: object = None
        self._said = False

    @property
    def seconds(self) -> float:
        """Seconds since the last progress."""
        return self._clock() - self._last

    def look(self, mark: object, may_come: bool) -> Stall:
        """Return what to do now.

        Args:
            mark: Anything that changes with every progress.
            may_come: Whether what is waited for may come without anyone's help, as when other searches
                hold the resources: such a wait has no limit.
        """
        if mark != self._mark:
            self._mark, self._last, self._said = mark, self._clock(), False
            return Stall.NONE
        if self.seconds >= END_SECONDS and not may_come:
            return Stall.END
        if self.seconds >= SAY_SECONDS and not self._said:
            self._said = True
            return Stall.SAY
        return Stall.NONE
