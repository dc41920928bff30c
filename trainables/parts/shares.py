"""Hyperparameters between 0 and 1: shares of an image, probabilities and strengths."""

from __future__ import annotations

from hpo.core.grammar import Hyperparameter


def share(name: str, default: float, doc: str, low: float = 0.0, high: float = 1.0) -> Hyperparameter:
    """Return a hyperparameter that is a share or a probability."""
    return Hyperparameter(name, "float", default, low, high, doc=doc)
