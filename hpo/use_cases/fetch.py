"""Copy the files of a search from a team's store into this home, for a machine that did not run it."""

from __future__ import annotations

import os
from pathlib import Path

from hpo.core.errors import HpoError, UserError
from hpo.core.events import FilesStored
from hpo.core.file_digest import sha256_of
from hpo.core.home import Home
from hpo.core.json_values import JsonFields
from hpo.core.private_files import refuse_links
from hpo.core.profile import STORE
from hpo.ledger.searches import open_ledger
from hpo.storage.file_store import FileStore


def fetch_files(name: str, *, home: Home) -> list[Path]:
    """Copy what the store has of a search; a file that is here already stays.

    Args:
        name: The search's name.
        home: Home to copy to.

    Returns:
        The files, here now.

    Raises:
        UserError: If there is no such search, ``HPO_STORE`` names no store, or it has nothing of the search.
        HpoError: If the store cannot be read, or a file in it is missing or damaged.
    """
    stored = [recorded.event for recorded in open_ledger(name, home).read(kinds=[FilesStored])]
    address = os.environ.get(STORE)
    if not address:
        raise UserError(f"{STORE} names no store; --profile NAME or {STORE}=URL does")
    files = {file["path"]: file for event in stored if isinstance(event, FilesStored) for file in event.files}
    if not files:
        raise UserError(f"nothing of {name} is in a store: it has not ended, or ran without one")
    store, folder = FileStore(address), home.create().search(name).root
    refuse_links(home.root, folder)
    folder.mkdir(parents=True, exist_ok=True)
    return [_fetched(store, folder, file) for file in files.values()]


def _fetched(store: FileStore, folder: Path, file: JsonFields) -> Path:
    path = folder / str(file["path"])
    if not path.resolve().is_relative_to(folder.resolve()):  # the database is not trusted with paths
        raise HpoError(f"{file['path']!r} on record is not a file of the search")
    if not path.is_file() or sha256_of(path) != file["sha256"]:
        store.fetch(file["sha256"], path)
    return path
