"""The folder with the files of a search that runs as a job: named by their content, filled from the store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.core.errors import UserError
from hpo.core.events import FilesStored
from hpo.core.file_digest import name_of_files, sha256_of
from hpo.core.home import Home
from hpo.core.profile import STORE
from hpo.ledger.searches import opened_of
from hpo.ledger.store import SearchLedger
from hpo.use_cases.search.fetched_folder import fetch_folder, require_inside
from hpo.use_cases.search.stored_files import CODE

if TYPE_CHECKING:
    from hpo.storage.file_store import FileStore

SOURCES = "sources"
"""Folder of a home with the files of searches that run as jobs."""


def folder_of(home: str, files: Mapping[str, Path]) -> str:
    """Return the path of the folder of a search's files.

    Args:
        home: Path of the home on the cluster.
        files: The files by their path in that folder.
    """
    return f"{home}/{SOURCES}/{name_of_files({name: sha256_of(file) for name, file in files.items()})}"


def bring_sources(home: Home, ledger: SearchLedger) -> None:
    """Copy the files of a search from the store into its folder in this home, unless they are there.

    The folder appears in one step; searches with the same files share it. A search whose folder is elsewhere
    has its files there.

    Raises:
        UserError: If ``HPO_STORE`` names no store.
        HpoError: If the store cannot be read, or a file in it is missing or damaged.
    """
    base = Path(str(opened_of(ledger).spec.get("base") or "/"))
    if base.parent != home.root / SOURCES or base.is_dir():
        return
    digests = {
        path.removeprefix(f"{CODE}/"): digest
        for path, digest in stored_digests(ledger).items()
        if path.startswith(f"{CODE}/")
    }
    home.create()
    fetch_folder(team_store, digests, base)


def stored_digests(ledger: SearchLedger) -> dict[str, str]:
    """Return the SHA-256 of each file of a search that is in a store, by its path."""
    events = [recorded.event for recorded in ledger.read(kinds=[FilesStored])]
    return {
        file["path"]: str(file["sha256"])
        for event in events
        if isinstance(event, FilesStored)
        for file in event.files
    }


def team_store() -> FileStore:
    """Return the store that ``HPO_STORE`` names.

    Raises:
        UserError: If it names none.
    """
    address = os.environ.get(STORE)
    if not address:
        raise UserError(f"{STORE} names no store; --profile NAME or {STORE}=URL does")
    from hpo.storage.file_store import FileStore

    return FileStore(address)


def fetch_missing(store: FileStore, digests: Mapping[str, str], folder: Path) -> list[Path]:
    """Copy files from a store into a folder; a file that is there already stays.

    Args:
        store: The store.
        digests: SHA-256 of each file by its path in the folder.
        folder: The folder.

    Returns:
        The files.

    Raises:
        HpoError: If the store cannot be read, a file in it is missing or damaged, or a path is outside.
    """
    for name, digest in digests.items():
        require_inside(folder, name)
        path = folder / name
        if not path.is_file() or sha256_of(path) != digest:
            store.fetch(digest, path)
    return [folder / name for name in digests]
