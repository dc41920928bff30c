"""Everything wrong with a document, gathered with its places before anyone is told."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hpo.core.errors import Fault, InvalidSpec

MOST = 200
LONGEST = 1_200
"""Faults beyond so many are only counted, and characters of a message beyond so many are cut."""

Place = tuple[str | int, ...]
"""Keys and indices from the root of a document to a value."""


def dotted(place: Sequence[str | int]) -> str:
    """A place as a person writes it: ``forbid[0].optimizer``."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else str(step)
    return text if len(text) <= 120 else f"{text[:117]}..."


def shown(value: Any) -> str:
    """A value as it is quoted in a message: never more than a line."""
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def listed(names: Iterable[str], most: int = 40) -> str:
    """Legal choices in a row."""
    names = list(names)
    rest = f", ... ({len(names) - most} more)" if len(names) > most else ""
    return (", ".join(names[:most]) or "nothing") + rest


def unknown(name: str, legal: Iterable[str], what: str = "is unknown") -> str:
    """Say that a name is unknown, what was probably meant, and what is legal."""
    legal = list(legal)
    close = difflib.get_close_matches(name[:80], legal, n=1) if len(legal) < 2_000 else []
    guess = f"; did you mean {close[0]}?" if close else ""
    return f"{what}{guess}; legal: {listed(legal)}"


@dataclass
class Faults:
    """Faults and warnings of one document.

    Attributes:
        source: File or other name of the document.
        lines: Line of each place, where it was read from a text.
        found: Faults so far.
        warnings: What a user should know and that stops nothing.
    """

    source: str
    lines: Mapping[Place, int] = field(default_factory=dict)
    found: list[Fault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, place: Place, message: str) -> None:
        """Note a fault at a place; the line is the nearest enclosing one that is known."""
        if len(message) > LONGEST:
            message = f"{message[:LONGEST]} ..."
        fault = Fault(dotted(place) or "document", message, self.line(place))
        if fault not in self.found:
            self.found.append(fault)

    def warn(self, message: str) -> None:
        """Note something a user should know and that stops nothing."""
        if message not in self.warnings:
            self.warnings.append(message)

    def line(self, place: Place) -> int | None:
        """Line of a place or of what it lies in."""
        for end in range(len(place), -1, -1):
            if place[:end] in self.lines:
                return self.lines[place[:end]]
        return None

    def under(self, *place: str | int) -> bool:
        """Whether something at or below a place is wrong."""
        start = dotted(place)
        return any(
            fault.path == start or fault.path.startswith((f"{start}.", f"{start}[")) for fault in self.found
        )

    def raise_any(self) -> None:
        """End the reading if anything is wrong.

        Raises:
            InvalidSpec: With every fault, in the order of their lines.
        """
        if not self.found:
            return
        ordered = sorted(self.found, key=lambda fault: fault.line or 0)
        if len(ordered) > MOST:
            rest = len(ordered) - MOST
            ordered = [*ordered[:MOST], Fault("document", f"and {rest} more faults")]
        raise InvalidSpec(self.source, ordered)
