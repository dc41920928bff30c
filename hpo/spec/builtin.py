"""The specs and recipes that ship, by name."""

from __future__ import annotations

import os
from pathlib import Path

from hpo.core.errors import Fault, InvalidSpec
from hpo.spec.faults import unknown


def folder() -> Path:
    """Where the shipped specs lie."""
    return Path(__file__).parents[2] / "search_spaces"  # beside hpo; by its name a user's could be found


def specs() -> dict[str, Path]:
    """Shipped specs by name."""
    return {path.stem: path for path in sorted(folder().glob("*.yaml"))}


def recipes() -> dict[str, Path]:
    """Shipped recipes by name."""
    return {path.stem: path for path in sorted((folder() / "recipes").glob("*.yaml"))}


def locate(path: str | Path) -> Path:
    """The file of a spec: the path itself, or the shipped spec of that name.

    Raises:
        InvalidSpec: If it is neither.
    """
    file = Path(path)
    if _is_name(str(path)) and not os.path.exists(file):  # no error, however odd the name
        known = specs()
        if str(path) in known:
            return known[str(path)]
        raise InvalidSpec(
            str(path), [Fault("file", unknown(str(path), known, "is no file and does not ship"))]
        )
    return file


def locate_recipe(path: str, base: Path) -> Path:
    """The file of a recipe: a path that starts from a folder, or the shipped recipe of that name."""
    file = base / Path(path).expanduser()
    if _is_name(path) and not os.path.exists(file):
        return recipes().get(path, file)
    return file


def _is_name(path: str) -> bool:
    return path.replace("_", "").replace("-", "").isalnum()
