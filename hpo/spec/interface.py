"""Describe a trainable: what its recipes can contain and what it reports.

The tables of a shipped trainable are data and are read in place; a user's own code is inspected
in a separate process (`hpo.spec.user_trainables`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hpo.core.command import ScriptCommand
from hpo.core.conflicts import Conflict
from hpo.core.grammar import Grammar
from hpo.core.trainable import EXTRAS, Metric
from hpo.spec.faults import Faults, shown, unknown


@dataclass(frozen=True)
class Interface:
    """A trainable's description.

    Attributes:
        grammar: What its recipes can contain.
        metrics: What it reports on validation data; the first is the default objective.
        file: File of a user's own code; None for shipped trainables.
        extras: Names of its optional methods.
        conflicts: Choices in its recipes that do not go together.
        reports: What it reports besides scores, as far as that is known.
    """

    grammar: Grammar
    metrics: tuple[Metric, ...]
    file: Path | None = None
    extras: tuple[str, ...] = EXTRAS
    conflicts: tuple[Conflict, ...] = ()
    reports: tuple[str, ...] = ()


def shipped() -> Mapping[str, Interface]:
    """Return the shipped trainables by name."""
    from trainables.registry import FACTS, SHIPPED

    return {
        name: Interface(
            trainable.grammar, tuple(trainable.metrics), conflicts=trainable.conflicts, reports=FACTS
        )
        for name, trainable in SHIPPED.items()
    }


def find(
    name: str, base: Path, faults: Faults, trainables: Mapping[str, Interface] | None = None
) -> Interface | None:
    """Look up a trainable, or inspect a user's own; None if it cannot be used.

    Args:
        name: Shipped name, or ``module:attribute``.
        base: Folder of the spec, searched first for a user's module.
        faults: Collects the faults.
        trainables: Trainables by name; the shipped ones by default.
    """
    trainables = shipped() if trainables is None else trainables
    if name in trainables:
        return trainables[name]
    command = ScriptCommand.of(name)
    if command is not None:
        from hpo.spec.commands import interface_of

        return interface_of(command, base, faults)
    if ":" not in name:
        legal = unknown(name, trainables, f"{shown(name)} is not a shipped trainable")
        faults.add(("trainable",), f"{legal}, or module:attribute for your own")
        return None
    from hpo.spec.user_trainables import inspect

    return inspect(name, base, faults)
