"""Recognizes well-known hyperparameters under their various spellings.

People write ``lr``, ``init_lr``, ``LearningRate``, ``optimizer.learning_rate`` and ``dropout_2``. A name is
split into words, and the longest known phrase that it ends in decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")

SPELLINGS = {
    "lr": "learning_rate",
    "learningrate": "learning_rate",
    "eta": "learning_rate",
    "step_size": "learning_rate",
    "bs": "batch_size",
    "batchsize": "batch_size",
    "minibatch_size": "batch_size",
    "eps": "epsilon",
    "wd": "weight_decay",
    "weightdecay": "weight_decay",
    "drop": "dropout",
    "smoothing": "label_smoothing",
}
"""Other spellings of known names."""

SILENT = frozenset({"rate", "p", "prob", "probability", "share", "ratio", "value", "init", "initial", "base"})
"""Last words that say nothing by themselves: in ``weight_decay.rate`` the words before it count."""

OTHERWISE = frozenset(
    {"min", "minimum", "final", "end", "last", "warmup", "decay", "minus", "scale", "factor"}
)
"""Words that change the meaning of the phrase after them: ``min_lr`` is not an initial learning rate."""


def words(name: str) -> list[str]:
    """Return the words and numbers of a name, in lower case."""
    return [word.lower() for word in _WORD.findall(name)]


def meaning(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a name stands for; None if there is none.

    Args:
        name: Dotted, in snake or camel case.
        known: Names in snake case.
    """
    spelled = {tuple(words(entry)): entry for entry in known}
    spelled |= {tuple(words(entry)): other for entry, other in SPELLINGS.items() if other in spelled.values()}
    left = words(name)
    while left:
        for start in range(len(left)):
            if tuple(left[start:]) in spelled:
                return None if start and left[start - 1] in OTHERWISE else spelled[tuple(left[start:])]
        if not (left[-1] in SILENT or left[-1].isdigit()):
            return None
        left.pop()
    return None
