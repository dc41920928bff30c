"""How alike two data sets are: the same, resembling, or unknown."""

from __future__ import annotations

from dataclasses import dataclass

SAME, RESEMBLES, UNKNOWN = "same", "resembles", "unknown"


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two data sets are.

    Attributes:
        answer: ``same``, ``resembles`` or ``unknown``.
        share: Estimated share of the opened rows that are in the other data set.
        evidence: Short description of what shows it; empty without evidence.
    """

    answer: str
    share: float = 0.0
    evidence: str = ""
