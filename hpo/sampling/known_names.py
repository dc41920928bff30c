"""Which well-known hyperparameter a name means, however it is spelled.

People write ``lr``, ``init_lr``, ``LearningRate``, ``optimizer.learning_rate`` and ``dropout_2``. A name is
cut into words, and its end is looked up: the longest known phrase that it ends in counts.
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
"""Other spellings; of what they mean, all that practice says holds."""

SILENT = frozenset({"rate", "p", "prob", "probability", "share", "ratio", "value", "init", "initial", "base"})
"""Last words that say nothing by themselves: of ``weight_decay.rate`` it is the words before that count."""

OTHERWISE = frozenset(
    {"min", "minimum", "final", "end", "last", "warmup", "decay", "minus", "scale", "factor"}
)
"""Words before which a phrase means something else: ``min_lr`` is no learning rate to begin with."""


def words(name: str) -> list[str]:
    """A name's words and numbers, in lower case."""
    return [word.lower() for word in _WORD.findall(name)]


def meaning(name: str, known: Iterable[str]) -> str | None:
    """The known name that a name means; None if it means none of them.

    Args:
        name: Dotted, in snake or camel case.
        known: Names in snake case.
    """
    spelled = {tuple(words(each)): each for each in known}
    spelled |= {tuple(words(each)): other for each, other in SPELLINGS.items() if other in spelled.values()}
    left = words(name)
    while left:
        for start in range(len(left)):
            if tuple(left[start:]) in spelled:
                return None if start and left[start - 1] in OTHERWISE else spelled[tuple(left[start:])]
        if not (left[-1] in SILENT or left[-1].isdigit()):
            return None
        left.pop()
    return None
