"""What a trainable says of itself: what its recipes may contain and what it reports.

A shipped trainable's tables are data and are read in place; a user's own code is asked in a
process of its own (`hpo.spec.user_trainables`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hpo.core.conflicts import Conflict
from hpo.core.grammar import Grammar
from hpo.core.trainable import EXTRAS, Metric
from hpo.spec.faults import Faults, shown, unknown


@dataclass(frozen=True)
class Interface:
    """What is known of a trainable without training.

    Attributes:
        grammar: What its recipes may say.
        metrics: What it reports on validation data; the first is the default objective.
        file: File of a user's own code; None for shipped ones.
        extras: Methods that it has besides those that every trainable has.
        clashes: Choices of its recipes that do not go together.
    """

    grammar: Grammar
    metrics: tuple[Metric, ...]
    file: Path | None = None
    extras: tuple[str, ...] = EXTRAS
    clashes: tuple[Conflict, ...] = ()


def shipped() -> Mapping[str, Interface]:
    """The shipped trainables by name."""
    from trainables.registry import SHIPPED

    return {
        name: Interface(each.grammar, tuple(each.metrics), clashes=each.clashes)
        for name, each in SHIPPED.items()
    }


def find(
    name: str, base: Path, faults: Faults, known: Mapping[str, Interface] | None = None
) -> Interface | None:
    """Look a trainable up, or inspect a user's own; None if there is none that can be used.

    Args:
        name: Shipped name, or ``module:attribute``.
        base: Folder of the spec, in which a user's module is looked for first.
        faults: Gathers what is wrong.
        known: Trainables by name; the shipped ones by default.
    """
    known = shipped() if known is None else known
    if name in known:
        return known[name]
    if ":" not in name:
        legal = unknown(name, known, f"{shown(name)} is no shipped trainable")
        faults.add(("trainable",), f"{legal}, or module:attribute for your own")
        return None
    from hpo.spec.user_trainables import inspect

    return inspect(name, base, faults)
