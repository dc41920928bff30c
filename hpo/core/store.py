"""A team's store as other packages use it, so that none of them imports pyarrow."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in a store.

    Attributes:
        sha256: Digest of its content, and what it is fetched by.
        size: Its bytes.
    """

    sha256: str
    size: int


class Store(Protocol):
    """Files that every machine reaches; `hpo.storage.file_store.FileStore` has what each call raises."""

    shown: str
    """Its address without secrets."""

    def put(self, path: Path) -> StoredFile:
        """Copy a file into the store, under the SHA-256 of its content."""
        ...

    def fetch(self, sha256: str, path: Path) -> None:
        """Copy a file from the store, by its digest."""
        ...

    def save(self, path: Path, name: str) -> None:
        """Copy a file into the store under a name, in the place of what has that name."""
        ...

    def load(self, name: str, path: Path, sha256: str = "") -> None:
        """Copy a file from the store by its name, and compare its digest."""
        ...

    def names(self, folder: str) -> list[str]:
        """Return the names of the files below a name, sorted."""
        ...

    def remove(self, name: str) -> None:
        """Remove a file, if there is one of that name."""
        ...
