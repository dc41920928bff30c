"""A search's ledger in memory, for searches that need no record: benchmarks and tests.

It keeps the contract of the database's ledger, which one suite of tests holds both to.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from hpo.core.chain import StoredEvent, digest_of, link_after, link_of_all, start_of
from hpo.core.events import Event, TestClaimed
from hpo.core.ports import Follow
from hpo.core.record import Recorded, body_of
from hpo.ledger.store import steady_clock


class MemoryLedger:
    """The append-only record of one search, lost with the process.

    Attributes:
        record: Every event so far, in order.
    """

    def __init__(
        self,
        events: Sequence[Event] = (),
        *,
        record: Sequence[Recorded] = (),
        clock: Callable[[], float] | None = None,
        name: str = "",
    ):
        """Start a ledger.

        Args:
            events: Its first events.
            record: What another ledger recorded, taken over as it is, before the first events.
            clock: Unix seconds; asked once per batch of events.
            name: Name of the search, with which its chain starts.
        """
        self.record = list(record)
        self._start = start_of(name)
        self._clock = clock or steady_clock()
        self._writing = threading.RLock()
        self.append(events)

    def append(self, events: Sequence[Event], then: Follow | None = None) -> list[Recorded]:
        """Add events, all or none, and with them what follows from them."""
        with self._writing:
            added: list[Recorded] = []
            link = self._head()
            while events:
                first, now = len(self.record) + len(added) + 1, float(self._clock())
                batch = []
                for seq, event in enumerate(events, first):
                    link = link_after(link, digest_of(now, type(event).__name__, body_of(event)))
                    batch.append(Recorded(seq, now, event, link.hex()))
                added += batch
                events = then(batch) if then else ()
            self.record += added
            return added

    def _head(self) -> bytes:
        """Return the last link; of a record taken over without links, the link after its events."""
        link, unlinked = self._start, 0
        for recorded in reversed(self.record):
            if recorded.link:
                link = bytes.fromhex(recorded.link)
                break
            unlinked += 1
        return link_of_all(link, map(_stored, self.record[len(self.record) - unlinked :]))

    def claim(self, claim: TestClaimed) -> Recorded | None:
        """Claim the test part for this search; None if it is claimed already."""
        with self._writing:
            if any(isinstance(recorded.event, TestClaimed) for recorded in self.record):
                return None
            return self.append([claim])[0]

    def read(self, after: int = 0, kinds: Sequence[type[Event]] = ()) -> Iterator[Recorded]:
        """Events with a sequence number above ``after``, in order.

        Args:
            after: The last sequence number already known.
            kinds: Only events of these kinds; all if empty.
        """
        chosen = islice(list(self.record), after, None)
        return (recorded for recorded in chosen if not kinds or isinstance(recorded.event, tuple(kinds)))


def _stored(recorded: Recorded) -> StoredEvent:
    event = recorded.event
    return StoredEvent(recorded.seq, recorded.time, type(event).__name__, body_of(event))
