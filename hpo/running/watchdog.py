"""Ends a process whose training holds Python's global lock forever, so that its worker cannot answer.

Backtracking regular expressions, integers of a million digits and deadlocked extensions do this: no other
Python thread runs meanwhile. The timer of `faulthandler` is a C thread.
"""

from __future__ import annotations

import faulthandler
import sys

GRACE = 60.0
"""Seconds beyond the limit of an epoch, so that workers that can still answer are not ended."""


def start(seconds: float) -> None:
    """Start or restart the timer that ends this process, with a stack trace on standard error."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__ or sys.stderr)


def cancel() -> None:
    """Cancel the timer."""
    faulthandler.cancel_dump_traceback_later()
