"""The folder with the files of a search that runs as a job: named by their content, filled from the store."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hpo.core.errors import HpoError, UserError
from hpo.core.events import FilesStored
from hpo.core.file_digest import sha256_of
from hpo.core.home import Home
from hpo.core.profile import STORE
from hpo.ledger.searches import opened_of
from hpo.ledger.store import SearchLedger
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
    digests = {name: sha256_of(file) for name, file in files.items()}
    content = json.dumps(digests, sort_keys=True).encode()
    return f"{home}/{SOURCES}/{hashlib.sha256(content).hexdigest()[:32]}"


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
    draft = base.with_name(f".{base.name}.{secrets.token_hex(4)}")
    draft.mkdir(parents=True, mode=0o700)
    if digests:
        fetch_missing(team_store(), digests, draft)
    try:
        os.rename(draft, base)
    except OSError:
        if not base.is_dir():  # another job brought them meanwhile
            raise


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
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):  # the database is not trusted with paths
            raise HpoError(f"{name!r} on record is not a file of the search")
        if not path.is_file() or sha256_of(path) != digest:
            store.fetch(digest, path)
    return [folder / name for name in digests]
