"""The checkpoints of a search in the store, removed beside its loop as their trainings end."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import SimpleQueue

from hpo.core.errors import StoreUnreachable
from hpo.core.training_state import Key
from hpo.running.checkpoints import is_of
from hpo.running.home_files import HomeFiles


class StoredCheckpoints:
    """Removes checkpoints from the store; without nodes that need it there, it does nothing.

    What the store does not give up now is removed at the end of the search.

    Args:
        files: Files of the search.
    """

    def __init__(self, files: HomeFiles):
        self._files = files
        self._waiting: SimpleQueue[tuple[Key, str]] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def discard(self, key: Key, keep: str = "") -> None:
        """Remove the checkpoints of a training that has ended, or all but one of a paused one; soon.

        Args:
            key: The training.
            keep: Name of the file to keep.
        """
        if not self._files.uses_store:
            return
        self._waiting.put((key, keep))
        if self._thread is None:
            self._thread = threading.Thread(target=self._remove, daemon=True)
            self._thread.start()

    def _remove(self) -> None:
        assert self._files.store is not None
        while True:
            key, keep = self._waiting.get()
            with suppress(StoreUnreachable):
                store = self._files.store()
                for name in store.names(self._files.name_of(self._files.folder.checkpoints)):
                    file = name.rpartition("/")[2]
                    if is_of(key, file) and file != keep:
                        store.remove(name)
