"""Hyperparameter search for neural networks that ends in one recipe and one honest number."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hpo.api import load, resume, searches, submit

__version__ = "0.1.0"
__all__ = ["load", "resume", "searches", "submit"]


def __getattr__(name: str) -> Any:
    """Import a name on first use, so that ``import hpo`` costs nothing."""
    if name in __all__:
        from hpo import api

        return getattr(api, name)
    raise AttributeError(f"module 'hpo' has no attribute {name!r}")
