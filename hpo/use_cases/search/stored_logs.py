"""The logs of trainings on nodes that do not see the home, as pieces in the team's store."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from hpo.core.errors import MissingInStore
from hpo.core.store import Store

LOGS = "logs"
"""Folder of them among a search's files in the store."""


class StoredLogs:
    """The pieces of a search's logs; each is read once.

    Args:
        store: The store.
        prefix: Names of the search's files in it begin with it.

    Raises:
        HpoError: If the store cannot be read; so do the methods.
    """

    def __init__(self, store: Store, prefix: str):
        self._store, self._folder = store, f"{prefix}/{LOGS}"
        self._read: dict[str, bytes] = {}
        self.refresh()

    def refresh(self) -> None:
        """Look again for pieces."""
        self.pieces = pieces_by_log(self._store.names(self._folder), self._folder)

    def content(self, log: str) -> bytes:
        """Return what the pieces of a log hold, by its file name."""
        pieces = self.pieces.get(log, [])
        with tempfile.TemporaryDirectory(prefix="hpo-log-") as scratch:
            for name in pieces:
                if name not in self._read:
                    with suppress(MissingInStore):  # it has been moved into the home meanwhile
                        self._store.load(name, Path(scratch) / "piece")
                        self._read[name] = (Path(scratch) / "piece").read_bytes()
        return b"".join(self._read.get(name, b"") for name in pieces)


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
