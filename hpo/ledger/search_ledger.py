"""The append-only record of one search in a database.

Events are decided and numbered once, and then written: if the connection to a database server is lost
meanwhile, the same rows are written again, unless they turn out to be on record already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa

from hpo.core.chain import StoredEvent, digest_of, link_after, link_of_all, start_of
from hpo.core.errors import DamagedLedger, HpoError, LeaseLost
from hpo.core.events import Event, TestClaimed
from hpo.core.history import History
from hpo.core.json_values import JsonObject, fields_of, parsed
from hpo.core.ports import Follow
from hpo.core.record import Recorded, body_of, event_of
from hpo.core.search_summary import SearchSummary
from hpo.ledger import summaries
from hpo.ledger.database import RESCUE, OpenDatabase, errors_translated
from hpo.ledger.inserting import insert_rows
from hpo.ledger.reconnecting import rows_of, transact, transact_after
from hpo.ledger.tables import events, leases

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Batch:
    """Events with their position in the record, as they are given back and as they are stored."""

    recorded: list[Recorded]
    stored: list[StoredEvent]


class SearchLedger:
    """The append-only record of one search.

    Attributes:
        database: The database, with its clock.
        engine: Its connections.
        name: Name of the search.
        number: Its number in the database.
        epoch: Epoch of the lease under which this process writes; None for a process that needs none.
        latest: The state when it was last read whole; None before that. See `hpo.ledger.searches`.
    """

    def __init__(self, database: OpenDatabase, name: str, number: int):
        self.database = database
        self.engine = database.engine
        self.name = name
        self.number = number
        self.epoch: int | None = None
        self.latest: History | None = None
        self._summary, self._covered = SearchSummary(), 0
        self._last_event = _last_of(number)

    def append(self, new: Sequence[Event], then: Follow | None = None) -> list[Recorded]:
        """Commit events, and those that follow from them, to disk, all or none.

        Raises:
            LeaseLost: If another process has taken the search over; nothing is written.
            HpoError: If the database cannot be written (disk full, damaged, locked for too long).
        """
        batch: _Batch | None = None

        def write(connection: sa.Connection, last: sa.Row[Any] | None) -> None:
            nonlocal batch
            seq, link = self._position(connection, last)
            if batch is None:
                batch = self._decided(seq, link, new, then)
            elif batch.stored and self._is_on_record(connection, batch.stored[-1]):
                return
            elif batch.stored and batch.stored[0].seq != seq + 1:
                raise HpoError(f"{self.name} was changed while the connection to its ledger was lost")
            self._write(connection, batch, commit=True)

        self._transact_after(self._last_event, write)
        assert batch is not None
        return batch.recorded

    def transact(self, work: Callable[[sa.Connection], T]) -> T:
        """Do something in a transaction that excludes other writers to this search.

        Args:
            work: Called again if the connection to a server was lost, which may have been after the commit.

        Raises:
            HpoError: If the database cannot be written (disk full, damaged, locked for too long).
        """
        return self._transact_after(None, lambda connection, _: work(connection))

    def _transact_after(
        self, query: sa.Select[Any] | None, work: Callable[[sa.Connection, sa.Row[Any] | None], T]
    ) -> T:
        with errors_translated(self.engine):
            try:
                return transact_after(self.engine, self.number, query, work)
            except BaseException:
                self._summary = SearchSummary()  # it may show what was not committed
                raise

    def last(self, connection: sa.Connection) -> int:
        """Return the position of the last event, inside the caller's transaction."""
        return self._last(connection)[0]

    def insert(self, connection: sa.Connection, new: Sequence[Event]) -> list[Recorded]:
        """Add events inside the caller's transaction."""
        batch = self._decided(*self._last(connection), new, None)
        self._write(connection, batch)
        return batch.recorded

    def restore(self, connection: sa.Connection, stored: Sequence[StoredEvent]) -> None:
        """Write events as they were stored, as the first ones and inside the caller's transaction."""
        self._write(connection, _Batch([self._recorded(event, event.seq) for event in stored], [*stored]))

    def claim(self, claim: TestClaimed) -> Recorded | None:
        """Claim the test part for this search in one transaction; None if it is already claimed.

        Raises:
            LeaseLost: If another process has taken the search over.
            HpoError: If the database cannot be written (disk full, damaged, locked for too long).
        """
        try:
            return self.append([claim])[0]
        except HpoError as error:
            if isinstance(error.__cause__, sa.exc.IntegrityError):
                return None
            raise

    def stored(self) -> list[StoredEvent]:
        """Return every event as it is stored, in the order of their positions, whatever it is like."""
        with errors_translated(self.engine):
            return [_stored(row) for row in rows_of(self.engine, _all, {"number": self.number})]

    def read(self, after: int = 0, kinds: Sequence[type[Event]] = ()) -> Iterator[Recorded]:
        """Yield events with a sequence number above ``after``, in order.

        Args:
            after: The last sequence number that is already known.
            kinds: Kinds of events to read; empty for all.
        """
        query = _after.where(events.c.kind.in_([kind.__name__ for kind in kinds])) if kinds else _after
        with errors_translated(self.engine):
            rows = rows_of(self.engine, query, {"number": self.number, "after": after})
            for expected, row in enumerate(rows, after + 1):
                yield self._recorded(row, row.seq if kinds else expected)

    def summary(self) -> SearchSummary:
        """Return the summary after all events, and store it if the stored one is far behind.

        Raises:
            HpoError: If events that the stored summary does not cover cannot be read.
        """
        with errors_translated(self.engine), self.engine.connect() as connection:
            summary = self._summarized(connection)
        if summary.seq - self._covered > summaries.MOST_AFTER:  # of a ledger that an earlier version wrote
            with suppress(HpoError), errors_translated(self.engine):
                transact(self.engine, self.number, self._store_summary)
        return summary

    def _store_summary(self, connection: sa.Connection) -> None:
        summaries.store(connection, self.number, self._summarized(connection))

    def _decided(self, seq: int, link: bytes, new: Sequence[Event], then: Follow | None) -> _Batch:
        """Number and chain events, and those that follow from them."""
        batch = _Batch([], [])
        while new:
            now, added = float(self.database.clock()), []
            for event in new:
                kind, body = type(event).__name__, body_of(event)
                digest = digest_of(now, kind, body)
                seq, link = seq + 1, link_after(link, digest)
                batch.stored.append(StoredEvent(seq, now, kind, body, digest, link))
                added.append(Recorded(seq, now, event, link.hex()))
            batch.recorded.extend(added)
            new = then(added) if then else ()
        return batch

    def _write(self, connection: sa.Connection, batch: _Batch, commit: bool = False) -> None:
        """Write events, and with them the summary if they change what it shows.

        Args:
            connection: Inside a transaction.
            batch: The events.
            commit: Whether a server is to commit at once, in the same message.
        """
        if not batch.stored:
            return
        try:
            if self._summary.seq != batch.stored[0].seq - 1:
                self._summary = self._summarized(connection)
            self._summary = self._summary.after(batch.recorded)
            if summaries.is_due(self._summary, batch.recorded, self._covered):
                summaries.store(connection, self.number, self._summary)
                self._covered = self._summary.seq
        except HpoError:  # earlier events cannot be read, which a list of searches reports
            self._summary = SearchSummary()
        insert_rows(connection, events, [self._row(event) for event in batch.stored], commit=commit)

    def _summarized(self, connection: sa.Connection) -> SearchSummary:
        """Return the summary after all events: the stored one, and what came later."""
        (stored,) = summaries.load(connection, self.number)
        self._covered = stored.summary.seq
        rows = connection.execute(_after, {"number": self.number, "after": self._covered})
        later = (self._recorded(row, seq) for seq, row in enumerate(rows, self._covered + 1))
        try:
            return stored.summary.after(later)
        except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
            raise DamagedLedger(f"an event of {self.name} does not fit the others; {RESCUE}") from error

    def _is_on_record(self, connection: sa.Connection, event: StoredEvent) -> bool:
        """Return whether an event was committed although the connection was lost before that was known."""
        this_event = events.c.search == self.number, events.c.seq == event.seq
        return connection.execute(sa.select(events.c.link).where(*this_event)).scalar() == event.link

    def _last(self, connection: sa.Connection) -> tuple[int, bytes]:
        """Return the position of the last event and the link after it; earlier versions stored no link.

        Raises:
            LeaseLost: If this process writes under a lease, and the search has another one by now.
        """
        return self._position(connection, connection.execute(self._last_event).first())

    def _position(self, connection: sa.Connection, last: sa.Row[Any] | None) -> tuple[int, bytes]:
        if last is None:
            return 0, start_of(self.name)
        if self.epoch is not None and last.epoch != self.epoch:
            raise LeaseLost(self.name)
        if last.link is not None:
            return last.seq, bytes(last.link)
        record = [_stored(row) for row in connection.execute(_all, {"number": self.number})]
        linked = [number for number, event in enumerate(record, 1) if event.link is not None]
        before = record[linked[-1] - 1].link if linked else None
        return last.seq, link_of_all(before or start_of(self.name), record[linked[-1] if linked else 0 :])

    def _row(self, event: StoredEvent) -> JsonObject:
        return {"search": self.number, **fields_of(event)}

    def _recorded(self, row: StoredEvent | sa.Row[Any], seq: int) -> Recorded:
        """Return a stored event that has to be at a position."""
        if row.seq != seq:
            raise DamagedLedger(f"event {seq} of {self.name} is missing; {RESCUE}")
        try:
            event, moment = event_of(row.kind, parsed(row.body)), float(row.time)
        except (ValueError, TypeError, AttributeError) as error:
            raise DamagedLedger(f"event {seq} of {self.name} cannot be read: {error}; {RESCUE}") from error
        except KeyError as error:
            raise HpoError(
                f"event {seq} of {self.name} was written by a later version: {row.kind}"
            ) from error
        return Recorded(seq, moment, event, _bytes(row.link).hex())


def _bytes(value: object) -> bytes:
    """Return a digest; empty for a value that is missing or that somebody edited into something else."""
    return bytes(value) if isinstance(value, bytes | memoryview) else b""


def _stored(row: sa.Row[Any]) -> StoredEvent:
    digest, link = _bytes(row.digest) or None, _bytes(row.link) or None
    return StoredEvent(row.seq, row.time, row.kind, row.body, digest, link)


def _last_of(number: int) -> sa.Select[Any]:
    """Return the query for the last event of a search, and the epoch of its lease."""
    epoch = sa.select(leases.c.epoch).where(leases.c.search == number).scalar_subquery()
    columns = events.c.seq, events.c.link, epoch.label("epoch")
    return sa.select(*columns).where(events.c.search == number).order_by(events.c.seq.desc()).limit(1)


_all = (
    sa.select(*(column for column in events.c if column.name != "search"))
    .where(events.c.search == sa.bindparam("number"))
    .order_by(events.c.seq)
)
_after: sa.Select[Any] = (
    sa.select(events.c.seq, events.c.time, events.c.kind, events.c.body, events.c.link)
    .where(events.c.search == sa.bindparam("number"), events.c.seq > sa.bindparam("after"))
    .order_by(events.c.seq)
)
