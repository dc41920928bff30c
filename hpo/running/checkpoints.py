"""Files of arrays that survive a crash: written atomically and verified when read.

The format is safetensors only, so that reading a file never executes code.
"""

from __future__ import annotations

import hashlib
import math
import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from hpo.core.errors import HpoError
from hpo.core.file_digest import sha256_of
from hpo.core.private_files import replace_file
from hpo.core.regular_file import read_regular
from hpo.core.trainable import Arrays

KEPT = 3
"""Checkpoints kept per training: the newest on record may be older than the newest file."""


LARGE = 1 << 30
"""Bytes from which a file is compared with its checksum before it is read into memory."""


class DamagedFile(HpoError):
    """A file is missing, truncated, or not the one that was written."""


def write(path: Path, arrays: Arrays) -> str:
    """Write arrays to a file atomically: a crash leaves the old file or the new one.

    Args:
        path: The file; its folder is created if it does not exist.
        arrays: Names to numpy arrays of any shape.

    Returns:
        SHA-256 of the file's content.
    """
    content = save({name: np.asarray(array, order="C") for name, array in arrays.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content, 0o666)
    return hashlib.sha256(content).hexdigest()


def read(path: Path, sha256: str = "") -> Arrays:
    """Read arrays from a file.

    Args:
        path: The file.
        sha256: Expected SHA-256 of its content; not checked if empty.

    Raises:
        DamagedFile: If it is missing, is not what was written, or is not a file of arrays.
    """
    try:
        if path.stat().st_size > LARGE and sha256 and sha256_of(path) != sha256:
            raise DamagedFile(f"{path} is damaged: its checksum differs from the recorded one")
        content = read_regular(path, math.inf)
    except OSError as error:
        raise DamagedFile(f"{path} cannot be read: {error.strerror}") from error
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise DamagedFile(f"{path} is damaged: its checksum differs from the recorded one")
    try:
        arrays: Arrays = load(content)
    except (
        SafetensorError,
        KeyError,
        ValueError,
        TypeError,
    ) as error:  # also for number types that numpy lacks
        raise DamagedFile(f"{path} is not a valid safetensors file: {error}") from error
    return arrays


def file_name(key: tuple[int, int], epoch: int, attempt: int = 1) -> str:
    """Return the name of a checkpoint.

    A worker of an earlier attempt that goes on unnoticed so overwrites no file of a later one.

    Args:
        key: The training, (trial, replicate).
        epoch: Epochs trained.
        attempt: Number of times that a process has begun to run the search.
    """
    later = f"-a{attempt}" if attempt > 1 else ""
    return f"{key[0]}-{key[1]}-{epoch}{later}.safetensors"


def discard(folder: Path, key: tuple[int, int], keep: str = "") -> None:
    """Delete the checkpoints of a training that has ended, or all but one of a paused one.

    Args:
        folder: The search's checkpoint folder.
        key: The training.
        keep: Name of the file to keep.
    """
    for path in files_of(folder, key):
        if path.name != keep:
            path.unlink(missing_ok=True)


def remove_drafts(folder: Path) -> None:
    """Delete what writers that were killed left half written; no training may be running.

    Args:
        folder: The search's checkpoint folder.
    """
    for path in folder.glob(".*.safetensors.*"):
        path.unlink(missing_ok=True)


def files_of(folder: Path, key: tuple[int, int]) -> list[Path]:
    """Return the checkpoints of a training."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return sorted(folder / name for name in names if is_of(key, name))


def is_of(key: tuple[int, int], name: str) -> bool:
    """Return whether a file name is that of a checkpoint of a training."""
    return name.startswith(f"{key[0]}-{key[1]}-") and name.endswith(".safetensors")
