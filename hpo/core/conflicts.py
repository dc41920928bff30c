"""Choices of a recipe that are legal one by one and conflict with each other."""

from __future__ import annotations

from dataclasses import dataclass

from hpo.core.space import Clause


@dataclass(frozen=True, slots=True)
class Conflict:
    """One combination of choices, a row in a trainable's tables.

    Attributes:
        when: Predicates on a complete recipe's values by dotted name; the conflict applies if all hold.
        reason: What is wrong and how to correct it; a clause without a final period.
        stops: Whether the recipe cannot be trained. If not, the first name in ``when`` has no effect.
    """

    when: Clause
    reason: str
    stops: bool = True
