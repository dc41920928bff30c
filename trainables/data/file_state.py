"""The state of files according to the file system, without opening any."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

SETTLED = 0.1
"""Seconds after which a further change of a file would show in its times."""


def state_of(paths: Iterable[Path], now: float | None = None) -> list[str] | None:
    """Return a line for each file at or under the paths, from its size, times and inode number.

    Args:
        paths: Files and folders; those that do not exist are skipped.
        now: Unix seconds.

    Returns:
        The sorted lines; None if a file was changed so recently that another change might not
        show in its times.
    """
    now = time.time() if now is None else now
    lines = []
    for path in paths:
        for file, stat in _files(path):
            if abs(now - max(stat.st_mtime, stat.st_ctime)) < SETTLED:
                return None
            lines.append(f"{file} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}")
    return sorted(lines)


def _files(path: Path) -> Iterator[tuple[str, os.stat_result]]:
    if path.is_file():
        yield str(path), path.stat()
        return
    stack, visited = [path] if path.is_dir() else [], set()
    while stack:
        folder = stack.pop()
        stat = folder.stat()
        if (stat.st_dev, stat.st_ino) in visited:  # a link that leads back
            continue
        visited.add((stat.st_dev, stat.st_ino))
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir():
                    stack.append(Path(entry.path))
                elif entry.is_file():
                    yield entry.path, entry.stat()
