"""How this room's databases are opened, so that a commit is on disk and an error is one sentence."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hpo.core.errors import DamagedLedger, DiskFull, HpoError, UserError

LEDGER = "ledger"
RESCUE = "`hpo rescue` saves what is whole of it"
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


TURN = 0x68706F
"""Key of the lock by which writers to a PostgreSQL database take turns."""


def engine_of(url: str, keep: bool = True) -> sa.Engine:
    """An engine; of SQLite with a write-ahead log and every commit flushed to disk.

    Args:
        url: Of the database.
        keep: Whether connections are kept open between transactions.

    Raises:
        UserError: If the URL is none, or the driver for it is not installed.
    """
    for written in ("postgres://", "postgresql://"):
        if url.startswith(written):
            url = "postgresql+psycopg://" + url.removeprefix(written)
    try:
        engine = sa.create_engine(url, poolclass=None if keep else sa.pool.NullPool)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as error:
        raise UserError(f"this is no database that can be used: {error}; legal: postgresql://...") from error
    except ModuleNotFoundError as error:
        extra = "pip install 'hpo-service[postgresql]' brings it"
        raise UserError(f"the database's driver is not installed ({error}); {extra}") from error
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that holds the database from its first statement, so that it cannot lose a race."""
    connection = engine.connect().execution_options(writing=True)
    with connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({TURN})"))
        yield connection


@contextmanager
def errors_translated(engine: sa.Engine, what: str = LEDGER) -> Iterator[None]:
    """Turn the database's own errors into one clear sentence.

    Raises:
        DiskFull: If there is no room to write.
        DamagedLedger: If the file is not what was written.
        HpoError: If the database refuses for another reason (locked for too long).
    """
    try:
        yield
    except sa.exc.DBAPIError as error:
        place = engine.url.render_as_string(hide_password=True)
        code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
        if code in DAMAGED:
            advice = f"; {RESCUE}" if what == LEDGER else ""
            raise DamagedLedger(f"the {what} at {place} is damaged: {error.orig}{advice}") from error
        if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and _is_full(engine)):
            raise DiskFull(f"the {what} cannot be written", engine.url.database) from error
        raise HpoError(f"the {what} at {place} cannot be used: {error.orig}") from error


def _is_full(engine: sa.Engine) -> bool:
    """Whether an error of reading or writing came of a full disk; SQLite does not always say so."""
    return shutil.disk_usage(Path(str(engine.url.database)).parent).free < 2**16


def _prepare_sqlite(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves; the driver begins too late
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 30000", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    writing = connection.get_execution_options().get("writing", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
