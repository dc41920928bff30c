"""Rescuing a damaged ledger: a new one with every event that can still be relied on.

An event is meaningful only after all events before it, so each search keeps its events up to the first
damaged one. A claim of the test part is kept wherever it is found: an opening cannot be undone.

Events that are kept keep their links. The rescue is an event of its own, with which the chain goes on from
the last intact event: what came after it may be lost without a trace in the file.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from shutil import copyfile, rmtree
from typing import Any

from hpo.core.chain import StoredEvent
from hpo.core.errors import DamagedLedger, HpoError
from hpo.core.events import Event, LedgerRescued, SearchOpened, TestClaimed, TestPredicted, TestScored
from hpo.core.json_values import parsed
from hpo.core.record import event_of
from hpo.ledger.store import FILES, LedgerStore, adopt_rescued, rescued_beside

SMALLEST_EVENT = 40
"""Size in bytes; bounds the number of events in a file that does not tell it."""


@dataclass(frozen=True, slots=True)
class Saved:
    """The events of one search that were saved.

    Attributes:
        search: Name of the search.
        kept: Number of its events in the new ledger.
        lost: Number of readable events that come after a damaged one.
    """

    search: str
    kept: int
    lost: int


def is_whole(path: Path) -> bool:
    """Return whether every event of a ledger can be read."""
    try:
        store = LedgerStore.at(path)
        try:
            for name in store.names():
                for _ in store.open(name).read():
                    pass
        finally:
            store.close()
    except DamagedLedger:
        return False
    with closing(sqlite3.connect(path)) as database:
        return bool(database.execute("PRAGMA integrity_check(1)").fetchone() == ("ok",))


def rescue_database(path: Path) -> tuple[list[Saved], Path]:
    """Replace a damaged ledger by a new one, and keep the damaged file beside it.

    Killed at any moment, it leaves the old ledger under its name or the new one.

    Args:
        path: The ledger's file, which no process may be using.

    Returns:
        What was saved of each search, and the new path of the damaged file.

    Raises:
        HpoError: If no event can be read; the file is left as it is.
    """
    for left in path.parent.glob(".rescue-*"):  # of a rescue that was killed
        rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".rescue-") as scratch:
        copy, fresh = Path(scratch) / "copy.db", Path(scratch) / "fresh.db"
        for end in FILES[:2]:
            with suppress(FileNotFoundError):
                copyfile(f"{path}{end}", f"{copy}{end}")
        store = LedgerStore.at(fresh)
        store.close()
        records = _readable(copy) or _readable(_with_new_header(copy, fresh))
        saved = [kept for name, record in records.items() if (kept := _save(fresh, name, record))]
        if not saved:
            raise HpoError(f"the ledger at {path} is damaged and no event in it can be read")
        number = 1
        while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
            number += 1
        for end in FILES[:2]:
            with suppress(FileNotFoundError):
                _second_name(Path(f"{path}{end}"), Path(f"{aside}{end}"))
        _synced(fresh)
        os.replace(fresh, rescued_beside(path))  # from here on the new ledger is the one that counts
        _synced(path.parent)
        adopt_rescued(path)
        _synced(path.parent)
    return saved, aside


def _second_name(file: Path, name: Path) -> None:
    """Give a file a second name, or a copy where the disk has no links: the first one stays."""
    try:
        os.link(file, name)
    except OSError:
        copyfile(file, name)
        _synced(name)


def _synced(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _with_new_header(copy: Path, fresh: Path) -> Path:
    """Replace a file's first page by that of a new ledger, which has the same layout.

    The page is damaged, or names more pages than a file has that was cut off; SQLite reads neither.
    """
    with fresh.open("rb") as new, copy.open("r+b") as old:
        header = bytearray(new.read(16 + 2))
        size = int.from_bytes(header[16:18], "big")
        header += new.read(size - len(header))
        header[24:28] = b"\xff" * 4  # so that SQLite takes the number of pages from the file's size
        old.write(header)
    Path(f"{copy}-wal").unlink(missing_ok=True)
    return copy


def _readable(copy: Path) -> dict[str, list[StoredEvent]]:
    """Return every event that can still be read, by search name."""
    records: dict[str, list[StoredEvent]] = {}
    with closing(sqlite3.connect(copy)) as database:
        database.execute("PRAGMA cell_size_check = ON")
        names = {row[0]: row[1] for row in _rows(database, "searches", "id, name", 10_000)}
        columns = "search, seq, time, kind, body"
        if _has_links(database):
            columns += ", digest, link"
        most = copy.stat().st_size // SMALLEST_EVENT
        for search, *fields in _rows(database, "events", columns, most):
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                stored = StoredEvent(*fields)
                event_of(stored.kind, parsed(stored.body))
                records.setdefault(names[search], []).append(stored)
    return records


def _has_links(database: sqlite3.Connection) -> bool:
    """Return whether the events have a chain, which version 1 of the ledger did not."""
    with suppress(sqlite3.DatabaseError):
        return any(row[1] == "link" for row in database.execute("PRAGMA table_info(events)"))
    return False


def _rows(database: sqlite3.Connection, table: str, columns: str, most: int) -> Iterator[tuple[Any, ...]]:
    """Yield rows one by one, so that an unreadable row does not hide others."""
    with suppress(sqlite3.DatabaseError):
        most = database.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0  # constants  # nosec B608
    for number in range(1, most + 1):
        with suppress(sqlite3.DatabaseError):
            query = f"SELECT {columns} FROM {table} NOT INDEXED WHERE rowid = ?"  # constants  # nosec B608
            yield from database.execute(query, (number,)).fetchall()


def _save(fresh: Path, name: str, record: list[StoredEvent]) -> Saved | None:
    """Write the intact part of a search as it was stored; None if its first event is lost."""
    by_seq: Mapping[int, StoredEvent] = {stored.seq: stored for stored in record}
    intact = [by_seq[seq] for seq in takewhile(by_seq.__contains__, range(1, len(record) + 1))]
    if not intact or intact[0].kind != SearchOpened.__name__:
        return None
    later = sorted((stored for stored in record if stored.seq > len(intact)), key=lambda stored: stored.seq)
    opened = [_event(stored) for stored in later if stored.kind in OPENINGS]
    lost = len(later) - len(opened)
    store = LedgerStore.at(fresh)
    store.restore(name, intact, [LedgerRescued(len(intact), lost), *opened])
    store.close()
    return Saved(name, len(intact) + len(opened), lost)


OPENINGS = (TestClaimed.__name__, TestScored.__name__, TestPredicted.__name__)


def _event(stored: StoredEvent) -> Event:
    return event_of(stored.kind, parsed(stored.body))
