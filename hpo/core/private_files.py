"""Files of a home: written in one step, for their owner only, and never through a link.

A home or an archive of one may come from another user. A symbolic link in it would lead what is
written there to any file of the user's.
"""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from hpo.core.errors import UserError

TRUSTED = "HPO_TRUST_HOME"
"""Environment variable: path of a home that is used although another user could have changed it."""


def replace_file(path: Path, content: str | bytes, mode: int = 0o600) -> None:
    """Write a file in one step: a crash leaves the old file or the new one, and a link is replaced.

    Args:
        path: The file.
        content: Its new content.
        mode: Rights of the new file, less those that the process's umask takes away.

    Raises:
        OSError: If it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(draft, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(draft)
        raise


def open_log(path: Path, mode: str, **options: Any) -> IO[str]:
    """Open a text file for writing or appending, without following a link.

    Raises:
        OSError: If it is a link or cannot be opened.
    """

    def opener(name: str, flags: int) -> int:
        return os.open(name, flags | os.O_NOFOLLOW, 0o600)

    return open(path, mode, opener=opener, **options)


def refuse_links(home: Path, search: Path) -> None:
    """Refuse links among the files that a search writes to, and pipes and devices.

    Args:
        home: The home, which may be a link itself.
        search: Folder of the search in it.

    Raises:
        UserError: If there is one, with its name.
    """
    for entry in (*_entries(home), *_entries(home / "data"), *_below(search)):
        if entry.is_symlink():
            raise UserError(f"{entry.path} is a symbolic link, and a home must not have any; remove it")
        if not entry.is_file(follow_symlinks=False) and not entry.is_dir(follow_symlinks=False):
            raise UserError(f"{entry.path} is neither a file nor a folder; remove it")


def require_own(home: Path) -> None:
    """Refuse a home that another user owns or can write to.

    Raises:
        UserError: If it is one, unless `TRUSTED` names it.
    """
    with suppress(FileNotFoundError):
        status = home.stat()
        foreign = status.st_uid != os.geteuid()
        if (foreign or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)) and not _is_trusted(home):
            reason = "belongs to another user" if foreign else "can be changed by other users"
            raise UserError(
                f"--home {home}: it {reason}; copy the files that you trust to a home of your own, or set "
                f"{TRUSTED}={home} to use it as it is"
            )


def _is_trusted(home: Path) -> bool:
    named = os.environ.get(TRUSTED)
    return bool(named) and Path(str(named)).expanduser().absolute() == home


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []


def _below(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield a folder's own entry, and everything in it."""
    yield from (entry for entry in _entries(folder.parent) if entry.name == folder.name)
    waiting = [] if folder.is_symlink() else [folder]
    while waiting:
        for entry in _entries(waiting.pop()):
            yield entry
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
