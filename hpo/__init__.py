"""Hyperparameter search for neural networks that ends in one recipe and one honest number."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpo.api import load, resume, searches, submit
    from hpo.core.script_report import report
    from trainables.data.token_stream import Stream
    from trainables.functions.signature import Range
    from trainables.functions.training_function import trainable

__version__ = "0.1.0"
__all__ = ["Range", "Stream", "load", "report", "resume", "searches", "submit", "trainable"]

_HOMES = {
    "Range": "trainables.functions.signature",
    "Stream": "trainables.data.token_stream",
    "report": "hpo.core.script_report",
    "trainable": "trainables.functions.training_function",
}
"""Modules of the names that are not functions of `hpo.api`."""


def __dir__() -> list[str]:
    """Return what there is, although it is imported on first use."""
    return sorted([*__all__, "__version__"])


def __getattr__(name: str) -> Any:
    """Import a name on first use, so that ``import hpo`` costs nothing."""
    if name in __all__:
        return getattr(importlib.import_module(_HOMES.get(name, "hpo.api")), name)
    raise AttributeError(f"module 'hpo' has no attribute {name!r}")
