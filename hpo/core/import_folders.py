"""Where a user's own modules are imported from: the spec's folder, and `src` in it.

A project in the `src` layout keeps its packages there, and its specs beside that folder.
"""

from __future__ import annotations

import os
from pathlib import Path

SOURCES = "src"


def import_folders(base: Path) -> tuple[Path, ...]:
    """Return the folders that user code is imported from, before ``PYTHONPATH`` and installed packages.

    Args:
        base: Folder of the spec.
    """
    sources = base / SOURCES
    package = os.path.isfile(sources / "__init__.py")  # a package of that name, not a layout
    return (base, sources) if os.path.isdir(sources) and not package else (base,)
