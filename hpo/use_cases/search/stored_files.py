"""Which files of a search are kept in a team's store: its model, what is said of it, and its logs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from hpo.core.errors import HpoError
from hpo.core.events import FilesStored, Warned
from hpo.core.history import History
from hpo.core.home import SearchFolder
from hpo.core.profile import STORE
from hpo.use_cases.accounting.gathering import SPEC_FILE


def require_store() -> None:
    """Refuse a store that cannot be written, if ``HPO_STORE`` names one.

    Raises:
        UserError: If it is not the address of a store, or cannot be written and read back.
    """
    address = os.environ.get(STORE)
    if address:
        from hpo.storage.file_store import FileStore

        FileStore(address).require_writable()


def kept_in_store(address: str, folder: SearchFolder, history: History) -> FilesStored | Warned:
    """Copy the files of a search into a store.

    Args:
        address: The store.
        folder: Folder of the search.
        history: Its state; the weights of its model are copied if it is fixed.

    Returns:
        What to record: the files, once all are there; or why they are not, which ends no search.
    """
    from hpo.storage.file_store import FileStore

    try:
        store = FileStore(address)
        stored = [(path, store.put(path)) for path in _files(folder, history) if path.is_file()]
    except (HpoError, OSError) as error:
        return Warned(f"the files of the search are not in the store, because {error}")
    return FilesStored(
        store.shown,
        tuple(
            {"path": str(path.relative_to(folder.root)), "sha256": file.sha256, "bytes": file.size}
            for path, file in stored
        ),
    )


def _files(folder: SearchFolder, history: History) -> Iterator[Path]:
    yield from (folder.recipe, folder.account, folder.account.with_suffix(".json"), folder.report)
    yield folder.root / SPEC_FILE
    yield from (
        folder.weights / member["file"] for member in (history.model.members if history.model else ())
    )
    yield from sorted(folder.logs.glob("*.log"))
