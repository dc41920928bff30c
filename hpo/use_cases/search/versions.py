"""Versions of everything that decides a search's numbers."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata

PACKAGES = ("hpo-service", "torch", "torchvision", "numpy", "scikit-learn", "optuna", "ray", "mlflow")


def versions() -> dict[str, str]:
    """Name to version of Python and of each package that is installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """What changed, as ``torch 2.12.0 -> 2.13.0``."""
    names = sorted({*before, *now})
    return [
        f"{name} {before.get(name, 'absent')} -> {now.get(name, 'absent')}"
        for name in names
        if before.get(name) != now.get(name)
    ]
