"""Find shipped specs and recipes by name."""

from __future__ import annotations

import os
from pathlib import Path

from hpo.core.errors import Fault, InvalidSpec
from hpo.spec.faults import unknown


def folder() -> Path:
    """Return the folder of the shipped specs."""
    return Path(__file__).parents[2] / "search_spaces"  # beside hpo; by its name a user's could be found


def specs() -> dict[str, Path]:
    """Return the shipped specs by name."""
    return {path.stem: path for path in sorted(folder().glob("*.yaml"))}


def recipes() -> dict[str, Path]:
    """Return the shipped recipes by name."""
    return {path.stem: path for path in sorted((folder() / "recipes").glob("*.yaml"))}


def locate(path: str | Path) -> Path:
    """Return the file of a spec: the path itself, or the shipped spec of that name.

    Raises:
        InvalidSpec: If it is neither.
    """
    file = Path(path)
    if _is_name(str(path)) and not os.path.exists(file):  # unlike Path.exists, never raises
        shipped = specs()
        if str(path) in shipped:
            return shipped[str(path)]
        raise InvalidSpec(
            str(path), [Fault("file", unknown(str(path), shipped, "is neither a file nor a shipped spec"))]
        )
    return file


def locate_recipe(path: str, base: Path) -> Path:
    """Return the file of a recipe: a path relative to a folder, or the shipped recipe of that name."""
    file = base / Path(path).expanduser()
    if _is_name(path) and not os.path.exists(file):
        return recipes().get(path, file)
    return file


def _is_name(path: str) -> bool:
    return path.replace("_", "").replace("-", "").isalnum()
