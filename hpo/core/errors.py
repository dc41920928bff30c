"""Every way in which the service says no, with the exit code a shell sees.

A mistake of the user's never ends in a traceback: it is raised as one of these, and the
command line prints the message alone.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass


def is_full(error: BaseException | None) -> bool:
    """Whether the operating system refused because a disk or a user's share of it is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


class HpoError(Exception):
    """The search or command failed for a reason worth one clear sentence.

    Attributes:
        search: The search that can be resumed once the reason is gone; empty if there is none.
        hint: What to type next; empty if there is nothing.
    """

    exit_code = 1
    search = ""
    hint = ""


class DiskFull(HpoError):
    """There is no room left where something had to be written; nothing on record is harmed."""

    def __init__(self, what: str, place: object):
        super().__init__(f"{what}: the disk that holds {place} is full; make space")


class DamagedLedger(HpoError):
    """The record of searches is not what was written."""


class UserError(HpoError):
    """What was typed or written is wrong; nothing has been started."""

    exit_code = 2


class Refused(HpoError):
    """The request is understood and not allowed: test already opened, search locked."""

    exit_code = 3


class NoTrialSucceeded(HpoError):
    """The budget is spent and no trial produced a usable model."""

    exit_code = 4


class Interrupted(HpoError):
    """A signal ended the search cleanly; it can be resumed.

    Attributes:
        search: Its name.
        signal: Number of the signal; the exit code is 128 more, as shells count.
    """

    def __init__(self, search: str, signal: int):
        self.search, self.signal = search, signal
        self.exit_code = 128 + signal
        super().__init__(f"{search} was stopped by a signal")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong in a document.

    Attributes:
        path: Dotted place in the document, such as ``space.learning_rate``.
        message: What is wrong, with the value and the legal choices.
        line: Line in the file, counted from 1; None if the place has no line.
    """

    path: str
    message: str
    line: int | None = None


class InvalidSpec(UserError):
    """A document with faults, all of them reported at once."""

    def __init__(self, source: str, faults: Sequence[Fault]):
        self.source = source
        self.faults = tuple(faults)
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> list[str]:
        count = len(self.faults)
        head = f"{self.source}: {count} fault{'s' if count != 1 else ''}"
        return [head, *(f"  {self.source}:{f.line or 1}: {f.path}: {f.message}" for f in self.faults)]
