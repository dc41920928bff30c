"""The logs of trainings in the team's store: as pieces while they grow, whole once their search has ended."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from hpo.core.errors import MissingInStore
from hpo.core.store import Store

LOGS = "logs"
"""Folder of them among a search's files in the store."""


class StoredLogs:
    """A search's logs in the store; each piece and each whole log is read once.

    Args:
        store: The store.
        prefix: Names of the search's files in it begin with it.
        digests: Returns the SHA-256 of each file that was kept when the search ended, by its path.

    Raises:
        HpoError: If the store cannot be read; so do the methods.
    """

    def __init__(self, store: Store, prefix: str, digests: Callable[[], Mapping[str, str]] = dict):
        self._store, self._folder, self._digests = store, f"{prefix}/{LOGS}", digests
        self._read: dict[str, bytes] = {}
        self.refresh()

    def refresh(self) -> None:
        """Look again for pieces; without any, for whole logs."""
        self.pieces = pieces_by_log(self._store.names(self._folder), self._folder)
        self._whole = {} if self.pieces else self._digests()

    def content(self, log: str) -> bytes:
        """Return a log, or what its pieces hold so far, by its file name."""
        if digest := self._whole.get(f"{LOGS}/{log}"):
            return self._once(self._store.fetch, digest)
        pieces = self.pieces.get(log, [])
        for name in pieces:
            with suppress(MissingInStore):  # it has been moved into the home meanwhile
                self._once(self._store.load, name)
        return b"".join(self._read.get(name, b"") for name in pieces)

    def _once(self, copy: Callable[[str, Path], None], key: str) -> bytes:
        """Return what a call copies from the store by a name or digest; it is copied the first time."""
        if key not in self._read:
            with tempfile.TemporaryDirectory(prefix="hpo-log-") as scratch:
                copy(key, Path(scratch) / "log")
                self._read[key] = (Path(scratch) / "log").read_bytes()
        return self._read[key]


def pieces_by_log(names: Sequence[str], folder: str) -> dict[str, list[str]]:
    """Return the pieces of each log in their order, by the log's file name.

    Args:
        names: Names in the store.
        folder: Folder of the logs in the store.
    """
    logs: dict[str, list[str]] = {}
    for name in sorted(names):
        log, _, number = name.removeprefix(f"{folder}/").partition("/")
        if name.startswith(f"{folder}/") and number.isdecimal():
            logs.setdefault(log, []).append(name)
    return logs
