"""Collect every fault of a document with its field path and line before reporting any."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hpo.core.addresses import without_secrets
from hpo.core.errors import Fault, InvalidSpec
from hpo.core.formatting import literal

MAX_FAULTS = 200
MAX_MESSAGE = 1_200
"""Further faults are only counted; longer messages are cut to this number of characters."""

FieldPath = tuple[str | int, ...]
"""Keys and indices from the root of a document to a value."""


def dotted(path: Sequence[str | int]) -> str:
    """Return a field path as text: ``forbid[0].optimizer``."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else str(step)
    return text if len(text) <= 120 else f"{text[:117]}..."


def shown(value: Any) -> str:
    """Return a value as quoted in a message, at most one line, without the secrets of an address."""
    text = without_secrets(literal(value))
    return text if len(text) <= 80 else f"{text[:77]}..."


def listed(names: Iterable[str], most: int = 40) -> str:
    """Join legal choices with commas."""
    names = list(names)
    remainder = f", ... ({len(names) - most} more)" if len(names) > most else ""
    return (", ".join(names[:most]) or "nothing") + remainder


def unknown(name: str, legal: Iterable[str], what: str = "is unknown") -> str:
    """Return a message that a name is unknown, what was probably meant, and what is legal."""
    legal = list(legal)
    close = difflib.get_close_matches(name[:80], legal, n=1) if len(legal) < 2_000 else []
    guess = f"; did you mean {close[0]}?" if close else ""
    return f"{what}{guess}; legal: {listed(legal)}"


@dataclass
class Faults:
    """Faults and warnings of one document.

    Attributes:
        source: File or other name of the document.
        lines: Line of each field path, if the document was read from a text.
        found: Faults so far.
        warnings: Problems that a user should know of but that stop nothing.
    """

    source: str
    lines: Mapping[FieldPath, int] = field(default_factory=dict)
    found: list[Fault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def add(self, path: FieldPath, message: str) -> None:
        """Add a fault at a field path; its line is that of the nearest enclosing field with a known line."""
        if len(message) > MAX_MESSAGE:
            message = f"{message[:MAX_MESSAGE]} ..."
        fault = Fault(dotted(path) or "document", message, self.line(path))
        if fault not in self.found:
            self.found.append(fault)

    def warn(self, message: str) -> None:
        """Add a warning, once."""
        if message not in self.warnings:
            self.warnings.append(message)

    def line(self, path: FieldPath) -> int | None:
        """Return the line of a field, or of the nearest enclosing one."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None

    def under(self, *path: str | int) -> bool:
        """Return whether there is a fault at or below a field path."""
        start = dotted(path)
        return any(
            fault.path == start or fault.path.startswith((f"{start}.", f"{start}[")) for fault in self.found
        )

    def raise_any(self) -> None:
        """Raise if there is any fault.

        Raises:
            InvalidSpec: With every fault, ordered by line.
        """
        if not self.found:
            return
        ordered = sorted(self.found, key=lambda fault: fault.line or 0)
        if len(ordered) > MAX_FAULTS:
            remaining = len(ordered) - MAX_FAULTS
            ordered = [*ordered[:MAX_FAULTS], Fault("document", f"and {remaining} more faults")]
        raise InvalidSpec(self.source, ordered)
