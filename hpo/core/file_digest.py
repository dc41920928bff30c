"""The SHA-256 of a file, without reading it into memory at once, and a name for a set of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes as 64 hexadecimal digits.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def name_of_files(digests: Mapping[str, str]) -> str:
    """Return the name of a folder that holds some files: 32 hexadecimal digits that depend on all of them.

    Args:
        digests: SHA-256 of each file by its path in the folder.
    """
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()[:32]
