"""Which files of a search are kept in a team's store: its code, its model, its report and its logs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from hpo.core.errors import HpoError, UserError
from hpo.core.events import FilesStored, Warned
from hpo.core.file_digest import sha256_of
from hpo.core.formatting import count, size
from hpo.core.history import History
from hpo.core.home import SearchFolder
from hpo.core.import_folders import import_folders
from hpo.core.profile import STORE
from hpo.core.user_code import code_digests, own_digests
from hpo.spec import SearchSpec
from hpo.use_cases.accounting.gathering import SPEC_FILE

CODE = "code"
"""Folder of a search's code among its files."""

MOST_CODE, MOST_FILES = 100 * 2**20, 2_000
"""Bytes and files of code that are copied; more is not code."""

MOST_OF_JOB, MOST_FILES_OF_JOB = 10 * 2**30, 20_000
"""Bytes and files that are copied for a job, code and data; with more, submitting it would take very long."""

SHOWN = 5
"""Files that a message about too much code names."""


def require_store() -> None:
    """Refuse a store that cannot be written, if ``HPO_STORE`` names one.

    Raises:
        UserError: If it is not the address of a store, or cannot be written and read back.
    """
    address = os.environ.get(STORE)
    if address:
        from hpo.storage.file_store import FileStore

        FileStore(address).require_writable()


def require_store_for(files: Mapping[str, Path]) -> None:
    """Refuse to leave a search to another machine without a store through which its files get there.

    Raises:
        UserError: If it has files, and ``HPO_STORE`` names no store.
    """
    if files and not os.environ.get(STORE):
        first = next(iter(files))
        raise UserError(f"{first} of this search gets to the cluster through a store; {STORE}=URL names one")


def code_kept_in_store(files: Mapping[str, Path], *, for_job: bool = False) -> FilesStored | None:
    """Copy the user's own training code, and what else a job needs, into the store that ``HPO_STORE`` names.

    Args:
        files: What `code_files` or `job_files` returned, before the search is recorded.
        for_job: Whether they are a job's, which may be large.

    Returns:
        What to record; None without a store, or without files.

    Raises:
        UserError: If the files are too large; the message names the largest.
        HpoError: If the store cannot be written.
    """
    address = os.environ.get(STORE)
    if not address or not files:
        return None
    _require_small(files, *((MOST_OF_JOB, MOST_FILES_OF_JOB) if for_job else (MOST_CODE, MOST_FILES)))
    from hpo.storage.file_store import FileStore

    store = FileStore(address)
    kept = {name: store.put(file) for name, file in files.items()}
    return FilesStored(
        store.shown,
        tuple(
            {"path": f"{CODE}/{name}", "sha256": file.sha256, "bytes": file.size}
            for name, file in kept.items()
        ),
    )


def code_files(spec: SearchSpec) -> dict[str, Path]:
    """Return the files of the user's own training code and data source, by their path in the folder.

    These are the files whose digests are on record (`hpo.core.user_code`), and nothing else that lies beside
    them, such as environments, data and keys.
    """
    code = {**code_digests(spec.trainable, spec.base), **own_digests(spec.data.source, spec.base)}
    return {name: file for name, digest in code.items() if (file := _file_of(name, digest, spec.base))}


def job_files(spec: SearchSpec) -> dict[str, Path]:
    """Return the same, and the data that the spec names by a path in its own folder."""
    return {**_data_files(spec), **code_files(spec)}


def _data_files(spec: SearchSpec) -> dict[str, Path]:
    """Return the files, or visible files of folders, at relative paths among the source's arguments."""
    base = spec.base.resolve()
    named = [(base / text).resolve() for text in _relative_paths(spec.data.source_arguments)]
    inside = [path for path in named if path != base and path.is_relative_to(base)]
    files = [file for path in inside for file in ([path] if path.is_file() else sorted(path.rglob("*")))]
    names = {file.relative_to(base).as_posix(): file for file in files if file.is_file()}
    return {name: file for name, file in names.items() if "/." not in f"/{name}"}


def _relative_paths(value: object) -> Iterator[str]:
    if isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _relative_paths(item)
    elif isinstance(value, str) and value and not value.startswith(("/", "~")):
        yield value


def _file_of(name: str, digest: str, base: Path) -> Path | None:
    """Return the file of a digest on record; None if it belongs to an installed package."""
    files = (folder / name for folder in import_folders(base))
    return next((file for file in files if file.is_file() and sha256_of(file) == digest), None)


def _require_small(files: Mapping[str, Path], most: int, most_files: int) -> None:
    sizes = {name: file.stat().st_size for name, file in files.items()}
    total = sum(sizes.values())
    if total > most or len(sizes) > most_files:
        largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:SHOWN]
        names = ", ".join(f"{name} ({size(sizes[name])})" for name in largest)
        limit = f"at most {size(most)} in {most_files:,} files go to a store"
        raise UserError(
            f"the search needs {size(total)} in {count(len(sizes), 'file')} of its folder, and {limit}; data "
            f"can be read from an absolute path instead; largest: {names}"
        )


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
    yield from (folder.root / SPEC_FILE, folder.submitted)
    yield from (
        folder.weights / member["file"] for member in (history.model.members if history.model else ())
    )
    yield from sorted(folder.logs.glob("*.log"))
