"""The part of a search's home that is in the team's store while nodes that do not see the home train it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from hashlib import sha256
from pathlib import Path

from hpo.core.errors import MissingInStore, StoreUnreachable
from hpo.core.history import History
from hpo.core.home import Home, SearchFolder
from hpo.core.private_files import open_log
from hpo.core.profile import STORE
from hpo.core.store import Store
from hpo.ledger.store import SearchLedger
from hpo.running.home_files import PATIENCE, SHARED, patiently
from hpo.spec import SearchSpec
from hpo.use_cases.dataset.staging import DataStaging
from hpo.use_cases.search.node_copy import NodeCopy, open_store
from hpo.use_cases.search.sources import SOURCES, stored_digests
from hpo.use_cases.search.stored_files import code_files
from hpo.use_cases.search.stored_logs import StoredLogs

SEARCHES = "searches"
"""Folder of the store with the files of searches."""


def prefix_of(name: str, history: History) -> str:
    """Return how the names of a search's files in the store begin: another one of that name has others."""
    about = f"{name} {history.opened_at!r} {history.opened.digest if history.opened else ''}"
    return f"{SEARCHES}/{name}-{sha256(about.encode()).hexdigest()[:12]}"


def copy_of(spec: SearchSpec, staging: DataStaging, name: str, history: History) -> NodeCopy | None:
    """Return what nodes that do not see the home are given; None if ``HPO_STORE`` names no store.

    Args:
        spec: The spec.
        staging: Opens its trainable and data.
        name: Name of the search.
        history: Its state.
    """
    address = os.environ.get(STORE)
    if not address:
        return None
    return NodeCopy(address, prefix_of(name, history), staging, _code(spec))


def _code(spec: SearchSpec) -> Mapping[str, Path]:
    if spec.base.parent.name != SOURCES:
        return code_files(spec)
    files = sorted(path for path in spec.base.rglob("*") if path.is_file())  # they came from the store
    return {path.relative_to(spec.base).as_posix(): path for path in files}


def bring_home(folder: SearchFolder, name: str, history: History) -> None:
    """Move the weights and logs of trainings on nodes that did not see the home from the store into it.

    Weights that the store does not have are trained again by who needs them.

    Args:
        folder: Folder of the search.
        name: Its name.
        history: Its state.

    Raises:
        StoreUnreachable: If the store cannot be reached, and a node of the search needed it.
    """
    address = os.environ.get(STORE)
    if not address:
        return
    store, prefix = open_store(address), prefix_of(name, history)
    needed = (folder.root / SHARED).exists()
    try:
        names = patiently(partial(store.names, prefix), PATIENCE if needed else 0.0)
    except StoreUnreachable:
        if needed:
            raise
        return
    if names:
        _bring_weights(store, prefix, folder, history)
        _bring_logs(store, prefix, folder)


def _bring_weights(store: Store, prefix: str, folder: SearchFolder, history: History) -> None:
    for training in history.trainings.values():
        kept = (training.weights, training.sha256), (training.examples, training.examples_sha256)
        for file, digest in kept:
            path = folder.weights / Path(file).name
            if not file or path.exists():
                continue
            name = f"{prefix}/{path.relative_to(folder.root).as_posix()}"
            with suppress(MissingInStore):
                patiently(partial(store.load, name, path, digest))


def _bring_logs(store: Store, prefix: str, folder: SearchFolder) -> None:
    """Append the pieces of each log to the log in the home, and remove them."""
    folder.logs.mkdir(parents=True, exist_ok=True)
    stored = patiently(partial(StoredLogs, store, prefix))
    for log, pieces in stored.pieces.items():
        content = patiently(partial(stored.content, log))
        with open_log(folder.logs / log, "a", encoding="utf-8") as file:
            file.write(content.decode(errors="replace"))
        for name in pieces:
            patiently(partial(store.remove, name))


def stored_logs_of(home: Home, ledger: SearchLedger, history: History) -> StoredLogs | None:
    """Return the logs of a search that are in the store and may not be here.

    Args:
        home: A home, which may be that of another machine.
        ledger: The search's record.
        history: Its state.

    Returns:
        None without a store, or if the search runs here and all of its nodes see the home.

    Raises:
        HpoError: If the store cannot be read.
    """
    address, folder = os.environ.get(STORE), home.search(ledger.name)
    here = folder.root.exists()
    if not address or (here and not (folder.root / SHARED).exists()):
        return None
    kept = dict if here else partial(stored_digests, ledger)
    return StoredLogs(open_store(address), prefix_of(ledger.name, history), kept)


def forget_stored(name: str, history: History) -> None:
    """Remove from the store what only a search that goes on needs; what it does not give up stays there."""
    address = os.environ.get(STORE)
    if address:
        with suppress(StoreUnreachable):
            store = open_store(address)
            for stored in store.names(prefix_of(name, history)):
                store.remove(stored)
