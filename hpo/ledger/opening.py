"""An opening of a test part, as the test-use register has it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from hpo.core.errors import Refused
from hpo.core.json_values import JsonObject
from hpo.core.likeness import SAME

OPENING, COMPLETED, WITHDRAWN, FAILED = "opening", "completed", "withdrawn", "failed"
"""Started and possibly seen; scored; abandoned before any example was scored, which does not count; seen
by code that then failed, which counts."""


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening of a test part.

    Attributes:
        key: Key of the claim it follows from; the same claim finished later is the same opening.
        fingerprint: Fingerprint of the test part.
        n: Number of its examples.
        by: User and machine.
        search: Name of the search.
        home: Home of the search.
        source: Where the data was read from.
        recipe: Digest of the recipe that was scored.
        look: How often this data has been opened, including this time.
        reason: Reason for a further opening; empty for the first.
        time: Start of the opening, Unix seconds.
        state: ``opening``, ``completed``, ``withdrawn`` or ``failed``.
        scores: Metric to ``{"value", "low", "high"}``; empty until it is completed.
        events: Number of events in the search's ledger up to the claim; 0 if it is not on record.
        head: Head of the ledger's chain at that event; empty if it is not on record.
        predicted: Number of its rows that `hpo predict` predicted; 0 if the test part was scored.
        overlap: Share of rows in common with the part that was queried.
        likeness: ``same`` or ``resembles``: how alike the part that was queried is.
        evidence: What shows the likeness beyond the rows in common; may be empty.
    """

    key: str
    fingerprint: str
    n: int
    by: str
    search: str
    home: str
    source: str
    recipe: str
    look: int = 1
    reason: str = ""
    time: float = 0.0
    state: str = OPENING
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    events: int = 0
    head: str = ""
    predicted: int = 0
    overlap: float = 1.0
    likeness: str = SAME
    evidence: str = ""

    @property
    def claim(self) -> str:
        """Key of the claim that it follows from, whichever attempt it is."""
        return self.key.partition("/")[0]

    def to_json(self) -> JsonObject:
        """Return the opening as a JSON value, without what depends on a query."""
        return {
            name: value
            for name, value in dataclasses.asdict(self).items()
            if name not in ("likeness", "evidence")
        }


class AlreadyOpened(Refused):
    """The same test data was opened before, and no reason was given to open it again.

    Attributes:
        openings: The openings so far, oldest first.
    """

    def __init__(self, openings: list[Opening]):
        self.openings = openings
        super().__init__(f"the same test data was opened before: {len(openings)}")
