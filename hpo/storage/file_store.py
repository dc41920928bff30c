"""Files in a folder, in S3 or in Google Cloud Storage, under the SHA-256 of their content or under a name.

pyarrow's file systems are the only way to them, so that all kinds of stores behave alike. What is to stay has
its digest for a name and is never written again; what is removed again while a search runs has a name of that
search, since two searches can write the same content. Both are compared with their digests.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from pyarrow import ArrowException, fs

from hpo.core.addresses import without_secrets
from hpo.core.errors import HpoError, MissingInStore, StoreUnreachable, UserError
from hpo.core.file_digest import sha256_of
from hpo.core.store import StoredFile
from hpo.storage.opening import LEGAL, first_line, opened

CHUNK = 2**20
"""Bytes that are copied at a time."""

LISTINGS = 20
"""How often a folder is listed that changes meanwhile."""


class FileStore:
    """The files below one address.

    Args:
        address: A folder, ``s3://bucket/path`` or ``gs://bucket/path``. An S3 address can have the
            parameters ``region``, ``endpoint_override`` and ``scheme``; its keys come from AWS's own
            variables and files.

    Raises:
        UserError: If it is not the address of a store.
    """

    def __init__(self, address: str):
        self._address = address
        self.shown = without_secrets(address)
        try:
            self._files, self._root = opened(address)
        except (ValueError, OSError, ArrowException) as error:
            reason = first_line(error)
            raise UserError(f"the store {self.shown} cannot be opened: {reason}; legal: {LEGAL}") from None

    def __reduce__(self) -> tuple[type[FileStore], tuple[str]]:
        """Send the address to another process, which has keys of its own."""
        return FileStore, (self._address,)

    def require_writable(self) -> None:
        """Write a small file, read it back, and remove it.

        Raises:
            UserError: If that fails; the message says whether the store can at least be read.
        """
        content = secrets.token_bytes(32)
        path = f"{self._root}/.hpo-{content.hex()[:16]}"
        try:
            if self._is_folder:
                self._files.create_dir(self._root, recursive=True)
            with self._files.open_output_stream(path) as file:
                file.write(content)
            with self._files.open_input_stream(path) as file:
                back = file.read()
            self._files.delete_file(path)
        except (OSError, ArrowException) as error:
            verdict = "can be read, but not written" if self._is_readable() else "cannot be used"
            raise UserError(f"the store {self.shown} {verdict}: {first_line(error)}") from None
        if back != content:
            raise UserError(f"the store {self.shown} does not give back what was written to it")

    def put(self, path: Path) -> StoredFile:
        """Copy a file into the store, unless its content is there already.

        Raises:
            StoreUnreachable: If the store cannot be written.
            OSError: If the file cannot be read.
        """
        stored = StoredFile(sha256_of(path), path.stat().st_size)
        self._write(path, self._path(stored.sha256), stored.size)
        return stored

    def fetch(self, sha256: str, path: Path) -> None:
        """Copy a file from the store, in one step.

        Args:
            sha256: Its digest.
            path: Where to write it; its folder is created.

        Raises:
            StoreUnreachable: If the store cannot be read.
            HpoError: If the file is missing or damaged.
            OSError: If it cannot be written.
        """
        self._read(self._path(sha256), path, sha256)

    def save(self, path: Path, name: str) -> None:
        """Copy a file into the store under a name, in the place of what has that name.

        Args:
            path: The file.
            name: Its name, a relative path.

        Raises:
            StoreUnreachable: If the store cannot be written.
            OSError: If the file cannot be read.
        """
        self._write(path, f"{self._root}/{name}", path.stat().st_size, anew=True)

    def load(self, name: str, path: Path, sha256: str = "") -> None:
        """Copy a file from the store by its name; otherwise the same as `fetch`.

        Args:
            name: Its name, a relative path.
            path: Where to write it; its folder is created.
            sha256: Its digest; not compared if empty.
        """
        self._read(f"{self._root}/{name}", path, sha256)

    def names(self, folder: str) -> list[str]:
        """Return the names of the files below a name, sorted; none if there is nothing.

        Raises:
            StoreUnreachable: If the store cannot be read.
        """
        selector = fs.FileSelector(f"{self._root}/{folder}", allow_not_found=True, recursive=True)
        with self._errors():
            self._require_root()
            found = self._listed(selector)
        paths = sorted(info.path for info in found if info.type == fs.FileType.File)
        return [path[len(self._root) + 1 :] for path in paths if not path.rpartition("/")[2].startswith(".")]

    def _listed(self, selector: fs.FileSelector) -> list[fs.FileInfo]:
        """List files, again if one is renamed or removed meanwhile, as drafts are."""
        for _ in range(LISTINGS - 1):
            with suppress(FileNotFoundError):
                return list(self._files.get_file_info(selector))
        return list(self._files.get_file_info(selector))

    def remove(self, name: str) -> None:
        """Remove a file, if there is one of that name.

        Raises:
            StoreUnreachable: If the store cannot be written.
        """
        path = f"{self._root}/{name}"
        with self._errors():
            if self._files.get_file_info(path).type == fs.FileType.File:
                self._files.delete_file(path)

    def _write(self, path: Path, target: str, size: int, anew: bool = False) -> None:
        with self._errors():
            if not anew and self._files.get_file_info(target).size == size:
                return
            folder, _, last = target.rpartition("/")
            if self._is_folder:
                if anew:  # a node that has lost the folder would leave checkpoints on its own disk
                    self._require_root()
                self._files.create_dir(folder, recursive=True)
            draft = f"{folder}/.{last}.{secrets.token_hex(4)}" if self._is_folder else target
            with path.open("rb") as source, self._files.open_output_stream(draft) as file:
                shutil.copyfileobj(source, file, CHUNK)
            if self._is_folder:  # in a bucket, a file is there only when it is complete
                self._files.move(draft, target)
            written = self._files.get_file_info(target).size
        if written != size:
            raise StoreUnreachable(
                f"the store {self.shown} has {written} of the {size:,} bytes of {path.name}"
            )

    def _read(self, source_path: str, path: Path, sha256: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(handle, "wb") as file, self._opened(source_path, path.name) as source:
                self._copied(source, file)
            if sha256 and sha256_of(draft) != sha256:
                raise HpoError(f"{path.name} in the store {self.shown} is damaged: its digest differs")
            os.replace(draft, path)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()

    def _copied(self, source: Any, file: IO[bytes]) -> None:
        """Copy what is read to a file; errors of reading and of writing are told apart."""
        while True:
            with self._errors():
                content = source.read(CHUNK)
            if not content:
                return
            file.write(content)

    @contextmanager
    def _opened(self, source_path: str, name: str) -> Iterator[Any]:
        with self._errors():
            self._require_root()
            if self._files.get_file_info(source_path).type == fs.FileType.NotFound:
                raise MissingInStore(f"{name} is not in the store {self.shown}")
            source = self._files.open_input_stream(source_path)
        with source:
            yield source

    @property
    def _is_folder(self) -> bool:
        return isinstance(self._files, fs.LocalFileSystem)

    def _require_root(self) -> None:
        """Notice that a folder is gone, as when it is not mounted; a bucket's server says so by itself."""
        if self._is_folder and not os.path.isdir(self._root):
            raise FileNotFoundError(f"there is no folder {self._root}")

    def _path(self, sha256: str) -> str:
        return f"{self._root}/sha256/{sha256[:2]}/{sha256}"

    def _is_readable(self) -> bool:
        try:
            self._files.get_file_info(fs.FileSelector(self._root))
        except (OSError, ArrowException):
            return False
        return True

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn the errors of a file system into one sentence."""
        try:
            yield
        except (OSError, ArrowException) as error:
            raise StoreUnreachable(f"the store {self.shown} cannot be used: {first_line(error)}") from error
