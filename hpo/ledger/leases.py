"""The lease of a search: which process runs it, and which one may go on writing to its record.

The process that runs a search renews its lease; all times are by the database's clock. The process that takes
a lease over increments its epoch, in the transaction that writes the first events of the new attempt. Every
append of a process that runs a search compares epochs (`hpo.ledger.search_ledger`), so one that was paused or
cut off for longer than its lease writes nothing more, whatever it believes. The epoch is what M. Kleppmann,
"How to do distributed locking" (2016), calls a fencing token.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from hpo.core.errors import Refused, UserError
from hpo.core.events import Event
from hpo.ledger.database import errors_translated, writing
from hpo.ledger.reconnecting import rows_of
from hpo.ledger.search_ledger import SearchLedger
from hpo.ledger.tables import leases, searches

SECONDS = 15.0
"""Seconds for which a lease holds after it was taken or renewed."""

FIRST = 1
"""Epoch of the first lease of a search."""

VARIABLE = "HPO_LEASE_SECONDS"
"""Environment variable with another number of seconds, from 1."""


def lease_seconds(environ: Mapping[str, str] = os.environ) -> float:
    """Return for how many seconds a lease holds.

    Raises:
        UserError: If the environment variable is not a number of at least 1.
    """
    text = environ.get(VARIABLE, "").strip()
    try:
        seconds = float(text) if text else SECONDS
    except ValueError:
        seconds = 0.0
    if not 1 <= seconds <= 3600:
        raise UserError(f"{VARIABLE}={text[:40]}: legal: a number of seconds from 1 to 3600")
    return seconds


@dataclass(frozen=True, slots=True)
class Lease:
    """Who runs a search, as the database has it.

    Attributes:
        search: Name of the search.
        epoch: Number of times that the search was taken up or taken over.
        holder: The process that took it last, in words.
        left: Seconds until the lease expires; negative after that.
        released: Whether its holder gave it back.
        options: How the search is run, as its holder wrote it.
    """

    search: str
    epoch: int
    holder: str
    left: float
    released: bool
    options: str

    @property
    def is_held(self) -> bool:
        """Whether a process runs the search, as far as the database knows."""
        return self.left > 0

    @property
    def is_expired(self) -> bool:
        """Whether the process that ran the search did not give the lease back and no longer renews it."""
        return not self.released and self.left <= 0


def all_leases(engine: sa.Engine) -> list[Lease]:
    """Return the lease of every search that has one, oldest search first."""
    with errors_translated(engine):
        return [_lease(row) for row in rows_of(engine, _leases(engine).order_by(leases.c.search), {})]


class SearchLease:
    """The lease of one search, for the process that holds it or wants to.

    Args:
        ledger: The search's record; after `take` it accepts events only while the lease is this process's.
        holder: This process, in words; different for each.
        seconds: For how long the lease holds.
    """

    def __init__(self, ledger: SearchLedger, holder: str, seconds: float):
        self._ledger, self._holder, self._seconds = ledger, holder, seconds

    def state(self) -> Lease | None:
        """Return the lease as it is now; None if the search never had one."""
        engine = self._ledger.engine
        query = _leases(engine).where(leases.c.search == self._ledger.number)
        with errors_translated(engine):
            rows = [_lease(row) for row in rows_of(engine, query, {})]
        return rows[0] if rows else None

    def take(
        self,
        options: str,
        first: Sequence[Event] = (),
        *,
        after: int | None = None,
        force: bool = False,
    ) -> None:
        """Take the lease, and write the first events of this attempt in the same transaction.

        Args:
            options: How the search is run from now on.
            first: The events.
            after: Position of the last event that they were decided after; None if that does not matter.
            force: Whether the holder of a lease that has not expired is known to have ended.

        Raises:
            Refused: If another process holds it, or wrote to the record after that position.
        """

        def work(connection: sa.Connection) -> int:
            before = self._row(connection)
            if before and before.holder == self._holder:  # committed, though the connection was lost
                return int(before.epoch)
            if before and before.left > 0 and not force:
                raise self._refusal(before.holder)
            if after is not None and self._ledger.last(connection) != after:
                raise Refused(f"another process wrote to the record of {self._ledger.name}; try again")
            return self._taken(connection, before.epoch + 1 if before else FIRST, options, first)

        self._ledger.epoch = self._ledger.transact(work)

    def take_new(self, connection: sa.Connection, options: str) -> None:
        """Take the lease of a search that is opened in the caller's transaction, for who takes it next."""
        self._taken(connection, FIRST, options, ())
        self._ledger.epoch = None

    def renew(self) -> bool:
        """Renew the lease; False if another process has taken it over."""
        engine = self._ledger.engine
        until = {"until": database_now(engine) + self._seconds}
        with errors_translated(engine), short_transaction(engine) as connection:
            return connection.execute(self._own().values(until)).rowcount == 1

    def release(self) -> None:
        """Give the lease back, if it is still this process's."""
        engine = self._ledger.engine
        with errors_translated(engine), short_transaction(engine) as connection:
            connection.execute(self._own().values(until=0.0))

    def _own(self) -> sa.Update:
        this_lease = leases.c.search == self._ledger.number, leases.c.epoch == self._ledger.epoch
        return leases.update().where(*this_lease)

    def _row(self, connection: sa.Connection) -> sa.Row[Any] | None:
        left = (leases.c.until - database_now(connection.engine)).label("left")
        query: sa.Select[Any] = sa.select(leases.c.epoch, leases.c.holder, left)
        return connection.execute(query.where(leases.c.search == self._ledger.number)).first()

    def _taken(self, connection: sa.Connection, epoch: int, options: str, first: Sequence[Event]) -> int:
        values = {
            "epoch": epoch,
            "until": database_now(connection.engine) + self._seconds,
            "holder": self._holder,
            "attempt": options,
        }
        same = leases.c.search == self._ledger.number
        if connection.execute(leases.update().where(same).values(values)).rowcount == 0:
            connection.execute(leases.insert().values(search=self._ledger.number, **values))
        self._ledger.epoch = epoch
        self._ledger.insert(connection, first)
        return epoch

    def _refusal(self, holder: str) -> Refused:
        return Refused(f"{self._ledger.name} is being run by {holder.partition(';')[0]}")


def _leases(engine: sa.Engine) -> sa.Select[Any]:
    left = (leases.c.until - database_now(engine)).label("left")
    columns = searches.c.name, leases.c.epoch, leases.c.holder, left, leases.c.until, leases.c.attempt
    return sa.select(*columns).join_from(leases, searches, searches.c.id == leases.c.search)


def _lease(row: sa.Row[Any]) -> Lease:
    holder, options = row.holder.partition(";")[0], row.attempt
    return Lease(row.name, row.epoch, holder, row.left, row.until == 0, options)


def database_now(engine: sa.Engine) -> sa.ColumnElement[float]:
    """Return the expression for Unix seconds by the database's clock, which goes on within a transaction."""
    if engine.dialect.name == "sqlite":
        return sa.literal_column("(julianday('now') - 2440587.5) * 86400.0", sa.Float)
    return sa.literal_column("extract(epoch FROM clock_timestamp())::float8", sa.Float)


@contextmanager
def short_transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction on tables beside the record; at a server it does not wait for appends."""
    with writing(engine) if engine.dialect.name == "sqlite" else engine.begin() as connection:
        yield connection
