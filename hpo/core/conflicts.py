"""Choices of a recipe that do not go together, though each is legal by itself."""

from __future__ import annotations

from dataclasses import dataclass

from hpo.core.space import Clause


@dataclass(frozen=True, slots=True)
class Conflict:
    """One combination, as a row of a trainable's tables.

    Attributes:
        when: Values by dotted name, of a complete recipe; the combination is there where all hold.
        reason: What is wrong with it and what would be right, in a sentence without an end.
        stops: Whether it cannot be trained. Otherwise what ``when`` names first does nothing there.
    """

    when: Clause
    reason: str
    stops: bool = True
