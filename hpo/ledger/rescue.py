"""Saving what is whole of a damaged ledger: a new one with every event that can still be relied on.

An event means something only after those before it, so of each search that part is kept that comes
before the first damage. A claim of the test part is kept wherever it is found: what was opened stays
opened.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from shutil import copyfile
from typing import Any

from hpo.core.errors import DamagedLedger, HpoError
from hpo.core.events import SearchOpened, TestClaimed, TestScored
from hpo.core.record import Recorded, event_of
from hpo.ledger.store import LedgerStore

FILES = ("", "-wal", "-shm")
"""What a ledger consists of, by the ends of their names."""

SMALLEST_EVENT = 40
"""Bytes; tells how many events a file can hold where it does not say so itself."""


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved of one search.

    Attributes:
        search: Its name.
        kept: Number of its events in the new ledger.
        lost: Number of events of which something is still there, but not all before them.
    """

    search: str
    kept: int
    lost: int


def is_whole(path: Path) -> bool:
    """Whether every event of a ledger can be read."""
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
    """Put a new ledger in a damaged one's place, and the damaged one beside it.

    Args:
        path: The ledger's file. Nobody may be using it.

    Returns:
        What was saved, search by search, and where the damaged file is now.

    Raises:
        HpoError: If nothing of it can be read; it is left as it is.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".rescue-") as scratch:
        copy, fresh = Path(scratch) / "copy.db", Path(scratch) / "fresh.db"
        for end in FILES[:2]:
            with suppress(FileNotFoundError):
                copyfile(f"{path}{end}", f"{copy}{end}")
        _fill_up(copy)
        store = LedgerStore.at(fresh)
        store.close()
        found = _found(copy) or _found(_with_new_head(copy, fresh))
        saved = [each for name, record in found.items() if (each := _save(fresh, name, record))]
        if not saved:
            raise HpoError(f"the ledger at {path} is damaged, and nothing of it can be read")
        number = 1
        while (aside := path.with_name(f"{path.stem}.damaged-{number}{path.suffix}")).exists():
            number += 1
        for end in FILES:
            with suppress(FileNotFoundError):
                Path(f"{path}{end}").rename(f"{aside}{end}")
        fresh.replace(path)
    return saved, aside


def _fill_up(copy: Path) -> None:
    """Lengthen a file that was cut short to what its head says: SQLite reads nothing of it otherwise."""
    with copy.open("r+b") as file:
        head, length = file.read(100), file.seek(0, 2)
        said = int.from_bytes(head[16:18], "big") * int.from_bytes(head[28:32], "big")
        if head.startswith(b"SQLite format 3") and length < said < 64 * length:
            file.truncate(said)


def _with_new_head(copy: Path, fresh: Path) -> Path:
    """Give a file whose first page is damaged that of a new ledger: they are laid out alike."""
    with fresh.open("rb") as new, copy.open("r+b") as old:
        head = bytearray(new.read(16 + 2))
        size = int.from_bytes(head[16:18], "big")
        head += new.read(size - len(head))
        head[24:28] = b"\xff" * 4  # so that the number of pages is taken from the file, not from here
        old.write(head)
    Path(f"{copy}-wal").unlink(missing_ok=True)
    return copy


def _found(copy: Path) -> dict[str, list[Recorded]]:
    """Every event that can still be read, by the names of the searches."""
    found: dict[str, list[Recorded]] = {}
    with closing(sqlite3.connect(copy)) as database:
        database.execute("PRAGMA cell_size_check = ON")
        names = {row[0]: row[1] for row in _rows(database, "searches", "id, name", 10_000)}
        most = copy.stat().st_size // SMALLEST_EVENT
        for search, seq, when, kind, body in _rows(database, "events", "search, seq, time, kind, body", most):
            with suppress(ValueError, KeyError, TypeError, AttributeError):
                event = event_of(kind, json.loads(body))
                found.setdefault(names[search], []).append(Recorded(seq, when, event))
    return found


def _rows(database: sqlite3.Connection, table: str, columns: str, most: int) -> Iterator[tuple[Any, ...]]:
    """Rows one by one, so that one that cannot be read hides no other."""
    with suppress(sqlite3.DatabaseError):
        most = database.execute(f"SELECT max(rowid) FROM {table}").fetchone()[0] or 0
    for number in range(1, most + 1):
        with suppress(sqlite3.DatabaseError):
            query = f"SELECT {columns} FROM {table} NOT INDEXED WHERE rowid = ?"
            yield from database.execute(query, (number,)).fetchall()


def _save(fresh: Path, name: str, record: list[Recorded]) -> Saved | None:
    """Write the good part of a search, with its own times; None if not even its opening is there."""
    by_seq: Mapping[int, Recorded] = {each.seq: each for each in record}
    good = [by_seq[seq] for seq in takewhile(by_seq.__contains__, range(1, len(record) + 1))]
    if not good or not isinstance(good[0].event, SearchOpened):
        return None
    opened = [e for e in record if e.seq > len(good) and isinstance(e.event, TestClaimed | TestScored)]
    kept = [dataclasses.replace(each, seq=seq) for seq, each in enumerate((*good, *opened), 1)]
    store = LedgerStore.at(fresh)
    store.restore(name, kept)
    store.close()
    return Saved(name, len(kept), len(record) - len(kept))
