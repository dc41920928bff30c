"""Rescuing a damaged ledger: a new one with every event that can still be relied on.

An event is meaningful only after all events before it, so each search keeps its events up to the first
damaged one. A claim of the test part is kept wherever it is found: an opening cannot be undone.
"""

from __future__ import annotations

import dataclasses
import json
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

from hpo.core.errors import DamagedLedger, HpoError
from hpo.core.events import SearchOpened, TestClaimed, TestScored
from hpo.core.record import Recorded, event_of
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
        _fill_up(copy)
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


def _fill_up(copy: Path) -> None:
    """Extend a truncated file to the length in its header; SQLite cannot read it otherwise."""
    with copy.open("r+b") as file:
        header, length = file.read(100), file.seek(0, 2)
        expected = int.from_bytes(header[16:18], "big") * int.from_bytes(header[28:32], "big")
        if header.startswith(b"SQLite format 3") and length < expected < 64 * length:
            file.truncate(expected)


def _with_new_header(copy: Path, fresh: Path) -> Path:
    """Replace a file's damaged first page by that of a new ledger, which has the same layout."""
    with fresh.open("rb") as new, copy.open("r+b") as old:
        header = bytearray(new.read(16 + 2))
        size = int.from_bytes(header[16:18], "big")
        header += new.read(size - len(header))
        header[24:28] = b"\xff" * 4  # so that SQLite takes the number of pages from the file's size
        old.write(header)
    Path(f"{copy}-wal").unlink(missing_ok=True)
    return copy


def _readable(copy: Path) -> dict[str, list[Recorded]]:
    """Return every event that can still be read, by search name."""
    records: dict[str, list[Recorded]] = {}
    with closing(sqlite3.connect(copy)) as database:
        database.execute("PRAGMA cell_size_check = ON")
        names = {row[0]: row[1] for row in _rows(database, "searches", "id, name", 10_000)}
        most = copy.stat().st_size // SMALLEST_EVENT
        for search, seq, when, kind, body in _rows(database, "events", "search, seq, time, kind, body", most):
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                event = event_of(kind, json.loads(body))
                records.setdefault(names[search], []).append(Recorded(seq, when, event))
    return records


def _rows(database: sqlite3.Connection, table: str, columns: str, most: int) -> Iterator[tuple[Any, ...]]:
    """Yield rows one by one, so that an unreadable row does not hide others."""
    with suppress(sqlite3.DatabaseError):
        most = database.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0
    for number in range(1, most + 1):
        with suppress(sqlite3.DatabaseError):
            query = f"SELECT {columns} FROM {table} NOT INDEXED WHERE rowid = ?"
            yield from database.execute(query, (number,)).fetchall()


def _save(fresh: Path, name: str, record: list[Recorded]) -> Saved | None:
    """Write the intact part of a search with its original times; None if its first event is lost."""
    by_seq: Mapping[int, Recorded] = {recorded.seq: recorded for recorded in record}
    intact = [by_seq[seq] for seq in takewhile(by_seq.__contains__, range(1, len(record) + 1))]
    if not intact or not isinstance(intact[0].event, SearchOpened):
        return None
    opened = [e for e in record if e.seq > len(intact) and isinstance(e.event, TestClaimed | TestScored)]
    kept = [dataclasses.replace(event, seq=seq) for seq, event in enumerate((*intact, *opened), 1)]
    store = LedgerStore.at(fresh)
    store.restore(name, kept)
    store.close()
    return Saved(name, len(kept), len(record) - len(kept))
