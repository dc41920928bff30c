"""Files in a folder, in S3 or in Google Cloud Storage, each under the SHA-256 of its content.

pyarrow's file systems are the only way to them, so that all kinds of stores behave alike. A file that is
in the store is never written again, and what is fetched is compared with its digest.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pyarrow import ArrowException, fs

from hpo.core.addresses import without_secrets
from hpo.core.errors import HpoError, UserError
from hpo.core.file_digest import sha256_of

CHUNK = 2**20
"""Bytes that are copied at a time."""

CONNECTING, ANSWERING, ATTEMPTS = 10.0, 60.0, 3
"""Seconds until S3 accepts a connection and answers a request, and how often a request is made."""

S3_OPTIONS = ("region", "endpoint_override", "scheme")
"""Parameters of an ``s3://`` address."""

LEGAL = "the path of a folder from / on, s3://BUCKET/PATH or gs://BUCKET/PATH"


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file in a store.

    Attributes:
        sha256: Digest of its content, and what it is fetched by.
        size: Its bytes.
    """

    sha256: str
    size: int


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
        self.shown = without_secrets(address)
        try:
            self._files, self._root = _opened(address)
        except (ValueError, OSError, ArrowException) as error:
            reason = _first_line(error)
            raise UserError(f"the store {self.shown} cannot be opened: {reason}; legal: {LEGAL}") from None

    def require_writable(self) -> None:
        """Write a small file, read it back, and remove it.

        Raises:
            UserError: If that fails; the message says whether the store can at least be read.
        """
        content = secrets.token_bytes(32)
        path = f"{self._root}/.hpo-{content.hex()[:16]}"
        try:
            self._make(self._root)
            with self._files.open_output_stream(path) as file:
                file.write(content)
            with self._files.open_input_stream(path) as file:
                back = file.read()
            self._files.delete_file(path)
        except (OSError, ArrowException) as error:
            verdict = "can be read, but not written" if self._is_readable() else "cannot be used"
            raise UserError(f"the store {self.shown} {verdict}: {_first_line(error)}") from None
        if back != content:
            raise UserError(f"the store {self.shown} does not give back what was written to it")

    def put(self, path: Path) -> StoredFile:
        """Copy a file into the store, unless its content is there already.

        Raises:
            HpoError: If the store cannot be written.
            OSError: If the file cannot be read.
        """
        stored = StoredFile(sha256_of(path), path.stat().st_size)
        target = self._path(stored.sha256)
        with self._errors():
            if self._files.get_file_info(target).size == stored.size:
                return stored
            self._make(target.rpartition("/")[0])
            local = isinstance(self._files, fs.LocalFileSystem)
            draft = f"{target}.{secrets.token_hex(4)}" if local else target
            with path.open("rb") as source, self._files.open_output_stream(draft) as file:
                shutil.copyfileobj(source, file, CHUNK)
            if local:  # in a bucket, a file is there only when it is complete
                self._files.move(draft, target)
            size = self._files.get_file_info(target).size
        if size != stored.size:
            raise HpoError(f"the store {self.shown} has {size} of the {stored.size:,} bytes of {path.name}")
        return stored

    def fetch(self, sha256: str, path: Path) -> None:
        """Copy a file from the store, in one step.

        Args:
            sha256: Its digest.
            path: Where to write it; its folder is created.

        Raises:
            HpoError: If the store cannot be read, or the file is missing or damaged.
            OSError: If it cannot be written.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with (
                open(handle, "wb") as file,
                self._errors(),
                self._files.open_input_stream(self._path(sha256)) as source,
            ):
                shutil.copyfileobj(source, file, CHUNK)
            if sha256_of(draft) != sha256:
                raise HpoError(f"{path.name} in the store {self.shown} is damaged: its digest differs")
            os.replace(draft, path)
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()

    def _path(self, sha256: str) -> str:
        return f"{self._root}/sha256/{sha256[:2]}/{sha256}"

    def _make(self, folder: str) -> None:
        """Create a folder; a bucket has none."""
        if isinstance(self._files, fs.LocalFileSystem):
            self._files.create_dir(folder, recursive=True)

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
            raise HpoError(f"the store {self.shown} cannot be used: {_first_line(error)}") from error


def _opened(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path in it.

    Raises:
        ValueError: If the address is not one.
    """
    parts = urlsplit(address)
    if not parts.scheme:
        if not address.startswith("/"):
            raise ValueError("it is not an absolute path")
        return fs.LocalFileSystem(), address.rstrip("/") or "/"
    path = f"{parts.netloc}{parts.path}".rstrip("/")
    if parts.scheme == "file":
        return fs.LocalFileSystem(), path
    if parts.scheme not in ("s3", "gs") or not parts.netloc:
        raise ValueError("there is no such kind of store")
    if parts.scheme == "gs":
        return fs.GcsFileSystem(), path
    options = dict(parse_qsl(parts.query))
    unknown = sorted(options.keys() - set(S3_OPTIONS))
    if unknown:
        raise ValueError(f"{unknown[0]} is not a parameter; legal: {', '.join(S3_OPTIONS)}")
    retry = fs.AwsStandardS3RetryStrategy(max_attempts=ATTEMPTS)
    limits = {"connect_timeout": CONNECTING, "request_timeout": ANSWERING, "retry_strategy": retry}
    return fs.S3FileSystem(**options, **limits), path


def _first_line(error: BaseException) -> str:
    lines = without_secrets(str(error)).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
