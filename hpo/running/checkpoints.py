"""Files of arrays that survive a crash: written whole or not at all, checked when read.

Safetensors only: reading one executes nothing, whoever wrote it.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from hpo.core.errors import HpoError


class DamagedFile(HpoError):
    """A file is missing, cut short, or not the one that was written."""


def write(path: Path, arrays: Mapping[str, Any]) -> str:
    """Write arrays to a file so that a crash leaves the old file or the new one.

    Args:
        path: The file; its folder is made if need be.
        arrays: Names to numpy arrays of any shape.

    Returns:
        SHA-256 of the file's content.
    """
    content = save({name: np.asarray(array, order="C") for name, array in arrays.items()})
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return hashlib.sha256(content).hexdigest()


def read(path: Path, sha256: str = "") -> dict[str, Any]:
    """Read arrays from a file.

    Args:
        path: The file.
        sha256: What its content must hash to; unchecked if empty.

    Raises:
        DamagedFile: If it is missing, is not what was written, or holds no arrays.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DamagedFile(f"{path} cannot be read: {error.strerror}") from error
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise DamagedFile(f"{path} is damaged: its checksum is not the recorded one")
    try:
        arrays: dict[str, Any] = load(content)
    except (SafetensorError, KeyError, ValueError, TypeError) as error:  # kinds of numbers numpy has not
        raise DamagedFile(f"{path} is no safetensors file: {error}") from error
    return arrays


def file_name(key: tuple[int, int], epoch: int) -> str:
    """Name of the checkpoint of a training, (trial, replicate), after an epoch."""
    return f"{key[0]}-{key[1]}-{epoch}.safetensors"


def discard(folder: Path, key: tuple[int, int]) -> None:
    """Remove the checkpoints of a training that is over."""
    for path in folder.glob(f"{key[0]}-{key[1]}-*.safetensors"):
        path.unlink(missing_ok=True)
