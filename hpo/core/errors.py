"""The errors a user can see, each with its exit code.

A user's mistake never ends in a traceback: it is raised as one of these errors, and the command line
prints the message alone.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self


def is_full(error: BaseException | None) -> bool:
    """Return whether an operation failed because the disk, or the user's quota on it, is full."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


class HpoError(Exception):
    """The search or command failed for a reason that one sentence can explain.

    Attributes:
        search: The search that can be resumed after the problem is solved; empty if none.
        hint: What to type next; may be empty.
    """

    exit_code = 1
    search = ""
    hint = ""

    def of_search(self, name: str) -> Self:
        """Return this error as one of a search that can be resumed."""
        self.search = name
        return self


class DiskFull(HpoError):
    """The disk is full; everything on record is intact."""

    def __init__(self, what: str, path: object):
        super().__init__(f"{what}: the disk that holds {path} is full; free some space")


class DamagedLedger(HpoError):
    """The ledger differs from what was written to it."""


class StoreUnreachable(HpoError):
    """The team's store cannot be read or written now; it may be possible later."""


class MissingInStore(HpoError):
    """A file is not in the team's store, which answers."""


class UserError(HpoError):
    """A command or a file contains a mistake; nothing has been started."""

    exit_code = 2


class NoPredictions(UserError):
    """A trainable does not offer predictions."""


class NoCluster(UserError):
    """There is no Ray cluster to join at an address, or not yet."""


class Refused(HpoError):
    """The request is valid but not allowed, because the test part was opened or the search is locked."""

    exit_code = 3


class ClusterLost(HpoError):
    """The Ray cluster of a search no longer answers, or another one runs at its address.

    The search has not failed: it can be continued when the cluster is back.
    """


class LeaseLost(HpoError):
    """Another process has taken a search over; this one must not write to its record."""

    def __init__(self, name: str):
        super().__init__(
            f"{name} is run by another process, because this one did not renew its lease in time; this one "
            f"writes nothing more, and `hpo watch {name}` follows the search"
        )


class ChangedCode(Refused):
    """A user's training code is not the code on record.

    Attributes:
        files: The files that differ, and their folder.
    """

    def __init__(self, message: str, files: str):
        self.files = files
        super().__init__(message)


class NoTrialSucceeded(HpoError):
    """The search is over and no trial produced a usable model."""

    exit_code = 4


class Interrupted(HpoError):
    """A signal stopped the search cleanly; it can be resumed.

    Attributes:
        search: Its name.
        signal: Number of the signal; the exit code is 128 more, as in shells.
    """

    def __init__(self, search: str, signal: int):
        self.search, self.signal = search, signal
        self.exit_code = 128 + signal
        super().__init__(f"{search} was stopped by a signal")


@dataclass(frozen=True, slots=True)
class Fault:
    """One error in a document.

    Attributes:
        path: Dotted path in the document, such as ``space.learning_rate``.
        message: What is wrong, with the value and the legal choices.
        line: Line in the file, counted from 1; None if the path has no line.
    """

    path: str
    message: str
    line: int | None = None


class InvalidSpec(UserError):
    """A document has faults, which are all reported together."""

    def __init__(self, source: str, faults: Sequence[Fault]):
        self.source = source
        self.faults = tuple(faults)
        super().__init__("\n".join(self._lines()))

    def _lines(self) -> list[str]:
        count = len(self.faults)
        head = f"{self.source}: {count} fault{'s' if count != 1 else ''}"
        return [head, *(f"  {self.source}:{f.line or 1}: {f.path}: {f.message}" for f in self.faults)]
