"""Ends a process whose training holds Python's lock for ever, so that its worker can answer no more.

Backtracking regular expressions, numbers of a million digits and extensions that wait for each other
do so: no thread of Python runs beside them. The timer of `faulthandler` is a thread of C.
"""

from __future__ import annotations

import faulthandler
import sys

GRACE = 60.0
"""Seconds beyond the limit of an epoch: what can answer by itself, or is not asked, is left alone."""


def watch(seconds: float) -> None:
    """End this process after so many seconds, with a stack on its standard error; starts anew each time."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__ or sys.stderr)


def leave() -> None:
    """Do not."""
    faulthandler.cancel_dump_traceback_later()
