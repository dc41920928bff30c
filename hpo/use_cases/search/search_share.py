"""The share of the workers that a search may hold beside the other running searches of its ledger."""

from __future__ import annotations

from contextlib import suppress

from hpo.core.errors import HpoError
from hpo.core.history import History
from hpo.core.sharing import Claim, shares
from hpo.ledger.claims import Claims
from hpo.ledger.store import SearchLedger

PRIORITY, WEIGHT = "priority", "weight"
"""Fields of the settings that decide about a search's share."""


class SearchShare:
    """Claims workers for a search, as long as the block runs, and computes what it may hold.

    Args:
        ledger: The search's record, whose database holds the claims of all searches.
        pool: Name of the workers that are shared.
        history: State of the search, with its priority and weight.
    """

    def __init__(self, ledger: SearchLedger, pool: str, history: History):
        self._claims, self._search, self._history = Claims(ledger, pool), ledger.number, history
        self._claimed: Claim | None = None
        self._workers: int | None = None

    def __enter__(self) -> SearchShare:
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(HpoError):  # it is forgotten with the lease
            self._claims.withdraw()

    def __call__(self, demand: int, room: int) -> int | None:
        """Claim workers, and return how many the search may hold; None if no other one is running.

        Args:
            demand: Workers that it can use now.
            room: Workers that would fit if it were alone.
        """
        settings = self._history.settings
        priority, weight = int(settings.get(PRIORITY, 0)), int(settings.get(WEIGHT, 1))
        claim = Claim(self._search, demand, room, priority, weight)
        with suppress(HpoError):  # a database that is away for long; appends will say so
            if claim != self._claimed:
                self._claims.put(claim)
                self._claimed = claim
            others = self._claims.others()
            self._workers = shares([claim, *others])[self._search] if others else None
        return self._workers
