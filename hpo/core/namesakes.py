"""Modules of a user's project that have the name of one of hpo's own packages.

Python imports one module by each name. Where the working folder comes first on its path, as in Ray's
workers and in notebooks, a package ``trainables`` in it is imported instead of hpo's; elsewhere hpo's is
imported instead of the user's. Either way every trial fails, so such names are refused beforehand.
"""

from __future__ import annotations

from pathlib import Path

PACKAGES = ("hpo", "trainables")
INSTALLED = Path(__file__).resolve().parents[2]
"""Folder that hpo's own packages are imported from."""


def find_namesake(folder: Path, module: str = "") -> Path | None:
    """Return a package or module in a folder that has the name of one of hpo's; None if there is none.

    A folder without ``__init__.py`` is a package only if a module is imported from it.

    Args:
        folder: Folder that modules are imported from.
        module: Dotted name of a module that is imported from there.
    """
    if folder.resolve() == INSTALLED:
        return None
    for name in PACKAGES:
        inside = module.split(".")[1:] if module.partition(".")[0] == name else []
        package, file = folder / name, folder / f"{name}.py"
        needed = package.joinpath(*inside)
        if any(path.is_file() for path in (package / "__init__.py", needed / "__init__.py")):
            return package
        if inside and needed.with_suffix(".py").is_file():
            return package
        if file.is_file():
            return file
    return None


def describe_namesake(path: Path) -> str:
    """Say what is wrong with a namesake."""
    return f"{path} has the name of hpo's package {path.stem!r}, and Python imports only one of the two"
