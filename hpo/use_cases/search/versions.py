"""Versions of everything that influences a search's numbers."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata

PACKAGES = ("hpo-service", "torch", "torchvision", "numpy", "scikit-learn", "optuna", "ray", "mlflow")


def versions() -> dict[str, str]:
    """Return the versions of Python and of each installed package, by name."""
    installed = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            installed[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return installed


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Return the changes between two sets of versions, such as ``torch 2.12.0 -> 2.13.0``."""
    names = sorted({*before, *now})
    return [
        f"{name} {before.get(name, 'absent')} -> {now.get(name, 'absent')}"
        for name in names
        if before.get(name) != now.get(name)
    ]
