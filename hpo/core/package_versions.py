"""Versions of everything that influences a search's numbers, and which changes of them count."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from hpo.core.command import ScriptCommand
from hpo.core.user_code import imported_code

PACKAGES = ("hpo-service", "torch", "torchvision", "numpy", "scikit-learn", "optuna", "ray", "mlflow")

SHIPPED = ("torch", "torchvision", "timm", "numpy", "scikit-learn")
"""Packages that decide what shipped trainables compute."""

DISTRIBUTIONS = {"sklearn": "scikit-learn", "PIL": "pillow", "cv2": "opencv-python", "yaml": "PyYAML"}
"""Packages whose modules have another name."""


def versions(trainable: str = "", base: Path = Path()) -> dict[str, str]:
    """Return the versions of Python and of each installed package, by name.

    Args:
        trainable: Trainable whose packages are included; empty for those of the service alone.
        base: Folder that the user's code is imported from.
    """
    names = (*PACKAGES, *(name for name in decisive(trainable, base) if name not in PACKAGES))
    installed = {name: version for name in names if (version := _installed(name))}
    return {"python": platform.python_version(), **installed}


def decisive(trainable: str, base: Path) -> tuple[str, ...]:
    """Return the installed packages that decide what a trainable computes: those that its code imports.

    A command runs in an environment of its own, of which nothing is known.
    """
    if not trainable or ScriptCommand.of(trainable):
        return ()
    if ":" not in trainable:
        return tuple(name for name in SHIPPED if _installed(name))
    imports = imported_code(trainable, base).imports - sys.stdlib_module_names
    names = {DISTRIBUTIONS.get(name, name) for name in imports if name not in ("hpo", "trainables")}
    names |= set(SHIPPED) if "trainables" in imports else {"numpy"}
    return tuple(sorted(name for name in names if _installed(name)))


def _installed(name: str) -> str:
    """Return the version of an installed package; empty if it is not installed."""
    try:
        return metadata.version(name)
    except (metadata.PackageNotFoundError, ValueError):
        return ""


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the changes between two sets of versions, such as ``torch 2.12.0 -> 2.13.0``.

    A package that only the second set has counts if every search records it.
    """
    names = sorted({*before, *(name for name in now if name in PACKAGES)})
    return [
        f"{name} {before.get(name, 'absent')} -> {now.get(name, 'absent')}"
        for name in names
        if before.get(name) != now.get(name)
    ]


def decisive_changes(before: Mapping[str, str], trainable: str, base: Path) -> list[str]:
    """Return the changes of packages by which a trainable may compute something else.

    These are other major or minor versions (2.12 and 2.13) of the packages that its code imports; a patch
    (2.12.0 and 2.12.1) and another build (2.12.0+cpu) are not.

    Args:
        before: Versions on record; a package that is not on record is not compared.
        trainable: Shipped name, or ``module:attribute``.
        base: Folder that the user's code is imported from.
    """
    names = decisive(trainable, base)
    shipped = ":" not in trainable
    removed = [name for name in SHIPPED if shipped and not _installed(name)]
    return [
        f"{name} {before[name]} -> {_installed(name) or 'absent'}"
        for name in sorted({*names, *removed} & before.keys())
        if _minor(before[name]) != _minor(_installed(name))
    ]


def _minor(version: str) -> list[str]:
    return version.partition("+")[0].split(".")[:2]
