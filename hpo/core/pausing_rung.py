"""A rung at which trials are paused, as the rules have it that may take a paused trial up again."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, field

from hpo.core.objective import Mode

Entry = tuple[float, int]
"""(value, lower is better; trial)."""


def entry_of(value: float, trial: int, mode: Mode) -> Entry:
    """Return what a rung compares of a trial."""
    return -value if mode == "max" else value, trial


@dataclass
class PausingRung:
    """The trials that reached a rung, and those of them that are paused there; best first."""

    arrived: list[Entry] = field(default_factory=list)
    paused: list[Entry] = field(default_factory=list)

    def arrive(self, entry: Entry) -> None:
        """Add a trial, which is paused until `leave` is called."""
        bisect.insort(self.arrived, entry)
        bisect.insort(self.paused, entry)

    def rank(self, entry: Entry) -> int:
        """Return the number of arrivals that are better."""
        return bisect.bisect_left(self.arrived, entry)

    def leave(self, trial: int) -> bool:
        """Remove a trial from those that are paused; return whether it was one of them."""
        before = len(self.paused)
        self.paused = [entry for entry in self.paused if entry[1] != trial]
        return len(self.paused) < before
