"""Importing a user's module, and what has to happen before a library that it imports.

torchvision's wheel cannot be imported beside a torch that has no CUDA, unless `trainables.torchvision_ops`
has declared what it lacks. The shipped code imports that module first; a user's script that fine-tunes a
network of torchvision, timm or transformers knows nothing of it.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from types import ModuleType

BEFORE = {"torchvision": "trainables.torchvision_ops"}
"""Modules to import before a library, by its name."""


class _Preceding(MetaPathFinder):
    """Finds nothing, but imports what has to precede a library when that is looked for."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        """Import what precedes a library; other finders find it."""
        if name in BEFORE:
            importlib.import_module(BEFORE[name])


def import_user_module(name: str) -> ModuleType:
    """Import a module of a user's, from the folders that are on `sys.path`."""
    if not any(isinstance(finder, _Preceding) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Preceding())
    return importlib.import_module(name)
