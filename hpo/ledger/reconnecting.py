"""Transactions that outlast a restart of the database server.

A search does not end because its database is restarted: what it was about to read or write is tried again
on a new connection. SQLite has no connection to lose.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa

from hpo.ledger.database import writing_after

PATIENCE = 120.0
"""Seconds for which a database server that went away is waited for."""

PAUSE = 0.5
"""Seconds between two attempts."""

DISK_FULL = "53100"
"""SQLSTATE of a disk that is full, which waiting does not help."""

T = TypeVar("T")


def transact(engine: sa.Engine, search: int, work: Callable[[sa.Connection], T]) -> T:
    """Do something in a transaction that excludes other writers to the same search.

    Args:
        engine: The database.
        search: Number of the search.
        work: Called again in a new transaction if the server went away, which may have been after the commit.
    """
    return transact_after(engine, search, None, lambda connection, _: work(connection))


def transact_after(
    engine: sa.Engine,
    search: int,
    query: sa.Select[Any] | None,
    work: Callable[[sa.Connection, sa.Row[Any] | None], T],
) -> T:
    """Do something in a transaction that excludes other writers to the same search, after a query in it.

    Args:
        engine: The database.
        search: Number of the search.
        query: The query, without parameters; a server gets it in the message that opens the transaction.
        work: As for `transact`; it is given the first row of the query.
    """

    def attempt() -> T:
        with writing_after(engine, search, query) as (connection, row):
            return work(connection, row)

    return _persisting(attempt)


def rows_of(engine: sa.Engine, query: sa.Select[Any], values: Mapping[str, int]) -> Iterable[sa.Row[Any]]:
    """Return the rows of a query; SQLite's are read while they are used."""
    if engine.dialect.name == "sqlite":
        return _streamed(engine, query, values)

    def attempt() -> list[sa.Row[Any]]:
        with engine.connect().execution_options(alone=True) as connection:
            return list(connection.execute(query, values))

    return _persisting(attempt)


def _streamed(engine: sa.Engine, query: sa.Select[Any], values: Mapping[str, int]) -> Iterator[sa.Row[Any]]:
    with engine.connect() as connection:
        yield from connection.execute(query, values)


def _persisting(attempt: Callable[[], T]) -> T:
    """Return what an attempt returns; one that a server cut off is repeated."""
    deadline = 0.0
    while True:
        try:
            return attempt()
        except sa.exc.DBAPIError as error:
            deadline = deadline or time.monotonic() + PATIENCE
            if not _is_cut_off(error) or time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)


def _is_cut_off(error: sa.exc.DBAPIError) -> bool:
    """Return whether a server ended a connection, or refuses a new one while it restarts."""
    module = type(error.orig).__module__
    if not module.startswith("psycopg") or getattr(error.orig, "sqlstate", None) == DISK_FULL:
        return False
    return error.connection_invalidated or isinstance(error, sa.exc.OperationalError)
