"""Opening the ledger's and the register's databases: commits are on disk, errors are one sentence."""

from __future__ import annotations

import shutil
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hpo.core.addresses import without_secrets
from hpo.core.errors import DamagedLedger, DiskFull, HpoError, UserError

LEDGER = "ledger"
RESCUE = "`hpo service rescue` saves every event that is intact"
RESTORE = "restore it from a copy, or move it away to begin another; openings in ledgers of homes still count"
CONNECTING = 10
"""Seconds after which a database server that does not answer is given up."""
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


TURN = 0x68706F
"""Key of the advisory lock that serializes writers to a PostgreSQL database, or to one of its searches."""

KEPT_ALIVE = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
"""Options of a connection that notices within half a minute that the server's machine is gone."""

CONNECTION = KEPT_ALIVE | {"prepare_threshold": None, "autocommit": True}
"""Options of a connection: prepared statements do not go through a pooler such as PgBouncer, and BEGIN is
issued below, because the driver sends it as a message of its own."""

CONNECTIONS = {"pool_size": 1, "max_overflow": 1}
"""Connections of a process: one, and a second while it reads and writes at the same time."""

STATEMENT_SECONDS = 30
"""Seconds after which a database server ends a statement of a writer."""


@dataclass(frozen=True, eq=False)
class OpenDatabase:
    """A database in use; its connections are closed when nothing refers to it, since a server counts them.

    Attributes:
        engine: The database.
        clock: Returns the Unix seconds that go on record.
    """

    engine: sa.Engine
    clock: Callable[[], float]

    def __post_init__(self) -> None:
        weakref.finalize(self, self.engine.dispose)


def engine_of(url: str, keep: bool = True, patience: float = 30.0) -> sa.Engine:
    """Return an engine; SQLite uses a write-ahead log and flushes every commit to disk.

    Args:
        url: URL of the database.
        keep: Whether connections stay open between transactions.
        patience: Seconds for which a file that another process has locked is waited for.

    Raises:
        UserError: If the URL is invalid or its driver is not installed.
    """
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            url = "postgresql+psycopg://" + url.removeprefix(scheme)
    try:
        options: dict[str, Any] = {"poolclass": None if keep else sa.pool.NullPool}
        if url.startswith("postgresql"):
            from hpo.ledger.last_result import LastResult

            options["connect_args"] = CONNECTION | {
                "connect_timeout": CONNECTING,
                "cursor_factory": LastResult,
            }
            options |= CONNECTIONS if keep else {}
        engine = sa.create_engine(url, **options)
    except sa.exc.NoSuchModuleError as error:
        scheme = url.partition(":")[0]
        raise UserError(
            f"the database cannot be used: unknown {scheme!r}; legal: postgresql://..."
        ) from error
    except (sa.exc.ArgumentError, ValueError):  # whose words may be a piece of the password
        legal = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with special characters as %XX"
        raise UserError(f"the database cannot be used: its address cannot be read; legal: {legal}") from None
    except ModuleNotFoundError as error:
        if not url.startswith("postgresql"):
            scheme = url.partition(":")[0]
            raise UserError(
                f"the database cannot be used: {scheme!r} is not supported; legal: postgresql://..."
            ) from error
        advice = "run pip install 'hpo-service[postgresql]'"
        raise UserError(f"the database driver is not installed ({error}); {advice}") from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", partial(_prepare_sqlite, patience))
        sa.event.listen(engine, "begin", _begin_sqlite)
    elif engine.dialect.name == "postgresql":
        sa.event.listen(engine, "begin", _begin_postgresql)
    return engine


@contextmanager
def writing(engine: sa.Engine, search: int | None = None) -> Iterator[sa.Connection]:
    """Open a transaction that excludes other writers from its start.

    Args:
        engine: The database.
        search: Number of the search that is written to; None to exclude all that write without a number.
            A file has one writer at a time in any case.
    """
    with writing_after(engine, search, None) as (connection, _):
        yield connection


@contextmanager
def writing_after(
    engine: sa.Engine, search: int | None, query: sa.Select[Any] | None
) -> Iterator[tuple[sa.Connection, sa.Row[Any] | None]]:
    """Open a transaction as `writing` does, and ask for the first row of a query without parameters in it."""
    connection = engine.connect().execution_options(writing=True)
    with connection, connection.begin():
        if engine.dialect.name == "postgresql":
            words = [_turn(search)] + ([] if query is None else [_literal(query, engine.dialect)])
            result = in_one_message(connection, "; ".join(words))
            yield connection, None if query is None else result.first()
        else:
            yield connection, None if query is None else connection.execute(query).first()


def _turn(search: int | None) -> str:
    """Return the statements with which a writer to a PostgreSQL database begins, and waits for its turn."""
    key = TURN if search is None else f"{TURN}, {search:d}"
    limit = f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'"
    return f"BEGIN; {limit}; SELECT pg_advisory_xact_lock({key})"


@lru_cache(maxsize=64)
def _literal(query: sa.Select[Any], dialect: sa.Dialect) -> str:
    return str(query.compile(dialect=dialect, compile_kwargs={"literal_binds": True}))


def in_one_message(connection: sa.Connection, statements: str) -> sa.CursorResult[Any]:
    """Send statements without parameters together, so that they wait for the network once.

    Returns:
        The result of the last one.
    """
    return connection.exec_driver_sql(statements, execution_options={"no_parameters": True})


@contextmanager
def errors_translated(engine: sa.Engine, what: str = LEDGER) -> Iterator[None]:
    """Turn the database's errors into one clear sentence.

    Raises:
        DiskFull: If the disk is full.
        DamagedLedger: If the file is damaged.
        HpoError: If the database fails for another reason, such as a lock held for too long.
    """
    try:
        yield
    except sa.exc.DBAPIError as error:
        url, reason = shown(engine), without_secrets(" ".join(str(error.orig).split()))
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        if code in DAMAGED:
            advice = f"; {RESCUE}" if what == LEDGER else f"; {RESTORE}"
            raise DamagedLedger(f"the {what} at {url} is damaged: {reason}{advice}") from error
        if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise HpoError(
                f"the {what} at {url} is locked: another process is writing to it; try again when it is done"
            ) from error
        if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
            advice = "this user needs to write to the file, and to its folder for files beside it"
            raise HpoError(f"the {what} at {url} cannot be used: {reason}; {advice}") from error
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(engine)):
            raise DiskFull(f"the {what} cannot be written", engine.url.database) from error
        raise HpoError(f"the {what} at {url} cannot be used: {reason}") from error


def shown(engine: sa.Engine) -> str:
    """Return the file of a database, or its address without its secrets."""
    if engine.url.drivername == "sqlite":
        return str(engine.url.database)
    address = engine.url.set(drivername=engine.dialect.name).render_as_string(hide_password=True)
    return without_secrets(address)


def _is_full(engine: sa.Engine) -> bool:
    """Return whether the disk is full, which SQLite may report as a general I/O error."""
    return shutil.disk_usage(Path(str(engine.url.database)).parent).free < 2**16


def _prepare_sqlite(patience: float, connection: Any, _: Any) -> None:
    connection.isolation_level = None  # BEGIN is issued below; the driver issues it too late
    waits = f"busy_timeout = {round(1000 * patience)}"
    for pragma in (waits, "journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_postgresql(connection: sa.Connection) -> None:
    options = connection.get_execution_options()
    if not options.get("writing", False) and not options.get("alone", False):
        connection.exec_driver_sql("BEGIN")


def _begin_sqlite(connection: sa.Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
