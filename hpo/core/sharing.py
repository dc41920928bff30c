"""How many workers each of several searches may hold at once: weighted max-min, within priorities.

Every process that runs a search computes the shares of all of them from the same claims, so they agree
without a coordinator. If k workers of a search would fit when it is alone, each of them counts as one k-th of
the whole; so searches whose trainings need different amounts can be compared. For max-min fairness see
D. Bertsekas and R. Gallager, "Data Networks" (1992), section 6.5.2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

MOST_WEIGHT = 1000
"""Largest weight of a search."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a running search claims of the workers that several searches share.

    Attributes:
        search: Number of the search in the ledger; an older one has a smaller number.
        demand: Workers that it can use now, from 1.
        room: Workers that would fit if it were alone, from 1.
        priority: Searches of a higher priority are served first.
        weight: Its share relative to others of its priority, from 1 to `MOST_WEIGHT`.

    Raises:
        ValueError: If a number is out of its range.
    """

    search: int
    demand: int
    room: int
    priority: int = 0
    weight: int = 1

    def __post_init__(self) -> None:
        if min(self.demand, self.room, self.weight) < 1 or self.weight > MOST_WEIGHT:
            raise ValueError(f"{self}: legal: demand and room from 1, weight from 1 to {MOST_WEIGHT}")


def shares(claims: Iterable[Claim]) -> dict[int, int]:
    """Return how many workers each search may hold, by its number.

    Each may hold one, even if they do not all fit at once. The next worker goes to the search of the highest
    priority, among equals to the one with the smallest share for its weight, then to the oldest; only to one
    that can use it, and for which it fits beside the others.
    """
    waiting = list(claims)
    held = {claim.search: 1 for claim in waiting}
    left = 1 - sum((Fraction(1, claim.room) for claim in waiting), Fraction(0))
    while waiting := [c for c in waiting if held[c.search] < c.demand and Fraction(1, c.room) <= left]:
        turn = min(
            waiting, key=lambda c: (-c.priority, Fraction(held[c.search], c.room * c.weight), c.search)
        )
        held[turn.search] += 1
        left -= Fraction(1, turn.room)
    return held
