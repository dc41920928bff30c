"""A folder of files from a store, named by their content: there completely, or not at all."""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from hpo.core.errors import HpoError
from hpo.core.store import Store
from hpo.running.home_files import patiently

KEPT_SECONDS = 7 * 86400.0
"""Seconds for which a folder is kept after a process last began to use it."""

_used: dict[Path, int] = {}
"""Folders that this process uses, with the descriptors that hold their locks."""


def fetch_folder(
    store: Callable[[], Store], digests: Mapping[str, str], folder: Path, *, cached: bool = False
) -> Path:
    """Copy files from a store into a folder, unless it is there; processes of one machine do it once.

    Each file is compared with its digest, and the folder appears in one step.

    Args:
        store: Opens the store; not called if there are no files.
        digests: SHA-256 of each file by its path in the folder.
        folder: The folder, whose name is `hpo.core.file_digest.name_of_files`.
        cached: Whether it is one of a cache. It stays while this process lives, and those beside it that
            nobody has used for a week are removed.

    Raises:
        HpoError: If the store cannot be read, a file in it is missing or damaged, or a path is outside.
        OSError: If the folder cannot be written.
    """
    if folder.is_dir() and (folder in _used or not cached):
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
        if cached:
            _use(folder)
            _prune(folder.parent)
    return folder


def _use(folder: Path) -> None:
    """Keep a folder from being removed as long as this process lives."""
    os.utime(folder)
    _used[folder] = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(_used[folder], fcntl.LOCK_SH)


def _prune(parent: Path) -> None:
    """Remove folders that were not used for days and that no process uses now."""
    for folder in parent.iterdir():
        if folder in _used or time.time() - folder.stat().st_mtime < KEPT_SECONDS:
            continue
        with suppress(BlockingIOError), _locked(folder, fcntl.LOCK_NB):
            shutil.rmtree(folder, ignore_errors=True)


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
def _locked(folder: Path, flags: int = 0) -> Iterator[None]:
    """Hold the lock of a folder while the block runs; it ends with the process."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | flags)
        yield
    finally:
        os.close(handle)
