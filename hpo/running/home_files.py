"""Where a process finds a file of its search, and leaves one: in the home, or in the team's store.

Nothing else decides that. While every node sees the home, the store is not used. A node that does not see it
is *apart*: it keeps nothing, and leaves each checkpoint and all weights in the store before the search hears
of them. From then on the other nodes put their checkpoints there as well, because any node may take a trial
up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from hpo.core.errors import MissingInStore, StoreUnreachable
from hpo.core.home import SearchFolder
from hpo.core.store import Store

SHARED = "in-store"
"""Name of the file in a search's folder that exists once a node of it was apart."""

PATIENCE = 120.0
"""Seconds for which a store that cannot be reached is tried again."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds between two attempts: twice as long after each, up to the second."""

T = TypeVar("T")


class StoreLost(BaseException):
    """A training's node does not reach the store; not caught by the training's code."""


def patiently(
    operation: Callable[[], T],
    seconds: float = PATIENCE,
    given_up: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> T:
    """Return what an operation on the store returns, after attempts for some time.

    Args:
        operation: The operation.
        seconds: Seconds after which no further attempt begins.
        given_up: Returns whether to make no further attempt.
        clock: Returns monotonic seconds.
        pause: Waits for some seconds.

    Raises:
        StoreUnreachable: If no attempt succeeded.
    """
    end, wait = clock() + seconds, FIRST_PAUSE
    while True:
        try:
            return operation()
        except StoreUnreachable:
            if given_up() or clock() >= end:
                raise
        pause(min(wait, end - clock()))
        wait = min(2 * wait, LONGEST_PAUSE)


@dataclass(frozen=True)
class HomeFiles:
    """The files of a search, as one process sees them.

    Attributes:
        folder: The search's folder in the home, or on a node that is apart a folder of its own.
        store: Returns the team's store, which is opened only then; None without one.
        prefix: Names of the search's files in the store begin with it.
        apart: Whether this node does not see the home.
        shares: Whether other nodes may be apart.
        given_up: Returns whether this process no longer needs the store.
    """

    folder: SearchFolder
    store: Callable[[], Store] | None = None
    prefix: str = ""
    apart: bool = False
    shares: bool = False
    given_up: Callable[[], bool] = lambda: False

    @property
    def uses_store(self) -> bool:
        """Whether what is written has to get into the store."""
        return self.store is not None and (self.apart or (self.shares and self._flag.exists()))

    def share(self) -> None:
        """Have all processes of the search that see its home put their checkpoints into the store, too."""
        self._flag.touch()

    def leave(self, path: Path) -> None:
        """Make a file that was written here available to every node.

        Raises:
            StoreLost: If it cannot be, on a node that is apart.
        """
        if self.store is None or not self.uses_store:
            return
        if self.apart:
            self._require(lambda store: store.save(path, self.name_of(path)))
            path.unlink()
        else:
            with suppress(StoreUnreachable):  # it is in the home
                self.store().save(path, self.name_of(path))

    @contextmanager
    def at_hand(self, path: Path, sha256: str) -> Iterator[Path]:
        """Yield where a file of the search can be read while the block runs; one that is nowhere is absent.

        Raises:
            StoreLost: If the store cannot be reached from a node that is apart.
            HpoError: If it cannot be reached from another one, or the file in it is damaged.
        """
        if self.store is None or path.exists():
            yield path
            return
        name, here = self.name_of(path), path
        if self.apart:  # several processes may need it at once, and none keeps it
            here = path.with_name(f".{os.getpid()}-{path.name}")
        try:
            with suppress(MissingInStore):
                self._require(lambda store: store.load(name, here, sha256))
            yield here
        finally:
            if self.apart:
                here.unlink(missing_ok=True)

    def remove(self, path: Path) -> None:
        """Remove a file wherever it is; one that the store does not give up now stays there."""
        path.unlink(missing_ok=True)
        if self.store is not None and self.uses_store:
            with suppress(StoreUnreachable):
                self.store().remove(self.name_of(path))

    def name_of(self, path: Path) -> str:
        """Return the name of a file of the search in the store."""
        return f"{self.prefix}/{path.relative_to(self.folder.root).as_posix()}"

    @property
    def _flag(self) -> Path:
        return self.folder.root / SHARED

    def _require(self, operation: Callable[[Store], None]) -> None:
        assert self.store is not None
        store = self.store()
        try:
            patiently(lambda: operation(store), given_up=self.given_up)
        except StoreUnreachable as error:
            if self.apart:
                raise StoreLost(f"it does not reach the store: {error}") from error
            raise
