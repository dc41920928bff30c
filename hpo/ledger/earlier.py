"""The record of a search as it was earlier, for what was written then: an account, for instance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile

from hpo.core.chain import StoredEvent
from hpo.core.events import Event
from hpo.core.record import Recorded
from hpo.ledger.search_ledger import SearchLedger


class EarlierLedger(SearchLedger):
    """The record of a search after its first events, to be read only.

    Attributes:
        events: Number of these events.
    """

    def __init__(self, ledger: SearchLedger, events: int):
        super().__init__(ledger.database, ledger.name, ledger.number)
        self.events = events

    def stored(self) -> list[StoredEvent]:
        """Return the first events as they are stored."""
        return [event for event in super().stored() if event.seq <= self.events]

    def read(self, after: int = 0, kinds: Sequence[type[Event]] = ()) -> Iterator[Recorded]:
        """Yield those of the first events with a sequence number above ``after``, in order."""
        return takewhile(lambda recorded: recorded.seq <= self.events, super().read(after, kinds))
