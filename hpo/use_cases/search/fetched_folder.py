"""A folder of files from a store, named by their content: there completely, or not at all."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from hpo.core.errors import HpoError
from hpo.core.store import Store
from hpo.running.home_files import patiently


def fetch_folder(store: Callable[[], Store], digests: Mapping[str, str], folder: Path) -> Path:
    """Copy files from a store into a folder, unless it is there; processes of one machine do it once.

    Each file is compared with its digest, and the folder appears in one step.

    Args:
        store: Opens the store; not called if there are no files.
        digests: SHA-256 of each file by its path in the folder.
        folder: The folder, whose name is `hpo.core.file_digest.name_of_files`.

    Raises:
        HpoError: If the store cannot be read, a file in it is missing or damaged, or a path is outside.
        OSError: If the folder cannot be written.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(folder.parent):
        if not folder.is_dir():
            for left in folder.parent.glob(f".{folder.name}.draft-*"):  # by a process that was killed
                shutil.rmtree(left, ignore_errors=True)
            draft = folder.with_name(f".{folder.name}.draft-{secrets.token_hex(4)}")
            try:
                draft.mkdir(mode=0o700)
                if digests:
                    _fill(draft, store(), digests)
                os.rename(draft, folder)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
    return folder


def _fill(folder: Path, store: Store, digests: Mapping[str, str]) -> None:
    for name, digest in digests.items():
        require_inside(folder, name)
        patiently(partial(store.fetch, digest, folder / name))


def require_inside(folder: Path, name: str) -> None:
    """Refuse a path that leads out of a folder; the database is not trusted with paths.

    Raises:
        HpoError: If it does.
    """
    if not (folder / name).resolve().is_relative_to(folder.resolve()):
        raise HpoError(f"{name!r} on record is not a file of the search")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder while the block runs; it ends with the process."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
