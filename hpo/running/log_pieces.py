"""The log of a training on a node that does not see the home: sent to the store in pieces while it grows."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from hpo.core.errors import StoreUnreachable
from hpo.running.home_files import HomeFiles

SECONDS = 5.0
"""Seconds between two pieces."""


class LogPieces:
    """Sends what a log gains inside the block, and at its end the rest; on other nodes it does nothing.

    A store that cannot be reached delays the pieces and nothing else.

    Args:
        files: Files of the search.
        log: The log.
    """

    def __init__(self, files: HomeFiles, log: Path):
        self._files, self._log = files, log
        self._sent = self._number = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._send_often, daemon=True)

    def __enter__(self) -> None:
        """Begin."""
        if self._files.apart:
            self._log.unlink(missing_ok=True)
            self._thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send the rest; nothing stays here."""
        if self._files.apart:
            self._over.set()
            self._thread.join()
            self._send()
            self._log.unlink(missing_ok=True)

    def _send_often(self) -> None:
        while not self._over.wait(SECONDS):
            self._send()

    def _send(self) -> None:
        """Send what is new as a piece whose number follows the last one's."""
        assert self._files.store is not None
        with suppress(OSError, StoreUnreachable):
            with self._log.open("rb") as log:
                log.seek(self._sent)
                content = log.read()
            if not content:
                return
            store, folder = self._files.store(), self._files.name_of(self._log)
            self._number = self._number or next_number(store.names(folder))
            piece = self._log.with_name(f".{self._log.name}.piece")
            piece.write_bytes(content)
            store.save(piece, f"{folder}/{self._number:08d}")
            piece.unlink()
            self._sent, self._number = self._sent + len(content), self._number + 1


def next_number(names: Sequence[str]) -> int:
    """Return the number of the piece after those of some names."""
    numbers = [int(last) for name in names if (last := name.rpartition("/")[2]).isdecimal()]
    return max(numbers, default=0) + 1
