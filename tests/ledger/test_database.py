"""Durability of the databases: settings of SQLite, reading during a write, and a full disk."""

import errno
import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from hpo.core.errors import DamagedLedger, DiskFull, HpoError
from hpo.ledger import database
from hpo.ledger.database import engine_of, errors_translated, writing


@pytest.fixture
def engine(tmp_path: Path):
    engine = engine_of(f"sqlite:///{tmp_path / 'events.db'}")
    with writing(engine) as connection:
        connection.execute(sa.text("CREATE TABLE parent (id INTEGER PRIMARY KEY)"))
        connection.execute(sa.text("CREATE TABLE child (parent INTEGER NOT NULL REFERENCES parent (id))"))
    yield engine
    engine.dispose()


def raw(engine: sa.Engine, timeout: float = 0.0) -> sqlite3.Connection:
    """A connection of another process, which does not wait for locks."""
    return sqlite3.connect(str(engine.url.database), timeout=timeout, isolation_level=None)


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("busy_timeout", 30000), ("foreign_keys", 1)],
)
def test_every_connection_is_durable_and_waits_for_locks(
    engine: sa.Engine, pragma: str, value: object
) -> None:
    for _ in range(2):
        with engine.connect() as connection:
            assert connection.execute(sa.text(f"PRAGMA {pragma}")).scalar_one() == value
        engine.dispose()


def test_foreign_keys_are_enforced(engine: sa.Engine) -> None:
    with pytest.raises(sa.exc.IntegrityError), writing(engine) as connection:
        connection.execute(sa.text("INSERT INTO child VALUES (7)"))


def test_reading_takes_no_write_lock(engine: sa.Engine) -> None:
    with engine.connect() as reader, reader.begin():
        assert reader.execute(sa.text("SELECT count(*) FROM parent")).scalar_one() == 0
        with raw(engine) as writer:
            writer.execute("INSERT INTO parent VALUES (1)")
        # A snapshot: the reader sees neither a half-written nor a later state.
        assert reader.execute(sa.text("SELECT count(*) FROM parent")).scalar_one() == 0
    with engine.connect() as reader:
        assert reader.execute(sa.text("SELECT count(*) FROM parent")).scalar_one() == 1


def test_a_writer_holds_the_database_from_its_first_statement(engine: sa.Engine) -> None:
    with writing(engine) as connection:
        connection.execute(sa.text("SELECT 1"))
        with raw(engine) as other, pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("INSERT INTO parent VALUES (1)")


def test_a_failed_write_leaves_nothing(engine: sa.Engine) -> None:
    def write_and_fail() -> None:
        with writing(engine) as connection:
            connection.execute(sa.text("INSERT INTO parent VALUES (1)"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_and_fail()
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM parent")).scalar_one() == 0


def failing(code: int, name: str) -> sa.exc.DBAPIError:
    reason = sqlite3.OperationalError(name)
    reason.sqlite_errorcode = code
    return sa.exc.OperationalError("INSERT", {}, reason)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (sqlite3.SQLITE_FULL, DiskFull),
        (sqlite3.SQLITE_CORRUPT, DamagedLedger),
        (sqlite3.SQLITE_CORRUPT_INDEX, DamagedLedger),  # an extended code of the same class
        (sqlite3.SQLITE_NOTADB, DamagedLedger),
        (sqlite3.SQLITE_BUSY, HpoError),
    ],
)
def test_errors_of_the_database_are_distinguished(engine: sa.Engine, code: int, expected: type) -> None:
    with pytest.raises(HpoError) as caught, errors_translated(engine):
        raise failing(code, "no")
    assert type(caught.value) is expected


@pytest.mark.parametrize(
    ("free", "expected"), [(0, DiskFull), (2**16 - 1, DiskFull), (2**16, HpoError), (2**30, HpoError)]
)
def test_an_io_error_is_a_full_disk_only_if_the_disk_is_full(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, free: int, expected: type
) -> None:
    usage = type("Usage", (), {"free": free})
    monkeypatch.setattr(database.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(HpoError) as caught, errors_translated(engine):
        raise failing(sqlite3.SQLITE_IOERR_WRITE, "disk I/O error")
    assert type(caught.value) is expected


def test_other_exceptions_pass(engine: sa.Engine) -> None:
    with pytest.raises(OSError, match="quota"), errors_translated(engine):
        raise OSError(errno.EDQUOT, "quota")
