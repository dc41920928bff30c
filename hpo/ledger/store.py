"""The ledger's database: every search's events, append-only, committed before anyone acts.

SQLAlchemy Core over SQLite (write-ahead log, every commit flushed to disk) or PostgreSQL for a
team. An event is one row of text, so that NaN and every float survive exactly, and events form a hash
chain (`hpo.core.chain`). No statement ever changes a row.
"""

from __future__ import annotations

import os
import re
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from hpo.core.chain import StoredEvent, digest_of, link_after, link_of_all, start_of
from hpo.core.errors import DamagedLedger, HpoError, UserError
from hpo.core.events import Event, SearchOpened, TestClaimed
from hpo.core.history import History
from hpo.core.home import Home
from hpo.core.json_values import JsonObject, fields_of, parsed
from hpo.core.ports import Follow
from hpo.core.record import Recorded, body_of, event_of
from hpo.ledger.database import RESCUE, engine_of, errors_translated, writing

VERSION = 2
"""Version of the tables below; a ledger of a later version is refused.

Events of version 1 had no chain. Such a ledger gets its columns when it is next opened; a search begins
its chain with the next event that is written to it, whose link covers the earlier events as they are then.
"""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
"""Pattern of a search's name."""

_metadata = sa.MetaData()

_about = sa.Table("about", _metadata, sa.Column("version", sa.Integer, nullable=False))

_searches = sa.Table(
    "searches",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
)

_events = sa.Table(
    "events",
    _metadata,
    sa.Column("search", sa.Integer, sa.ForeignKey("searches.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("digest", sa.LargeBinary),
    sa.Column("link", sa.LargeBinary),
)

# One claim per search, even if several processes try at once: the database refuses the second.
_one_claim = sa.Index(
    "one_claim_per_search",
    _events.c.search,
    unique=True,
    sqlite_where=_events.c.kind == "TestClaimed",
    postgresql_where=_events.c.kind == "TestClaimed",
)


def steady_clock() -> Callable[[], float]:
    """Return a clock of Unix seconds that does not jump when the system clock is set."""
    offset = time.time() - time.monotonic()
    return lambda: offset + time.monotonic()


FILES = ("", "-wal", "-shm")
"""Suffixes of an SQLite ledger's files."""


def rescued_beside(path: Path) -> Path:
    """Return the file in which a rescue leaves a complete new ledger until it has taken its place."""
    return path.with_name(f"{path.name}.rescued")


def adopt_rescued(path: Path) -> None:
    """Finish a rescue that was killed: put its new ledger in the place of the damaged one.

    The old write-ahead log goes first, because SQLite would apply it to the new file.
    """
    if rescued_beside(path).is_file():
        for end in FILES[1:]:
            Path(f"{path}{end}").unlink(missing_ok=True)
        os.replace(rescued_beside(path), path)


class LedgerStore:
    """All searches of one home or team."""

    def __init__(self, url: str, clock: Callable[[], float] | None = None):
        self._engine = engine_of(url)
        weakref.finalize(self, self._engine.dispose)  # a server counts the connections that are left open
        self._clock = clock or steady_clock()
        try:
            with errors_translated(self._engine):
                self._lay_out()
        except BaseException:
            self.close()
            raise

    @classmethod
    def of(cls, home: Home) -> LedgerStore:
        """Open the ledger of a home: the database that its team shares, or its own file.

        Raises:
            UserError: If the database's address is not one.
            HpoError: If it cannot be used, is damaged, or is of a later version.
        """
        return cls(home.database) if home.database else cls.at(home.ledger)

    @classmethod
    def at(cls, path: Path) -> LedgerStore:
        """Open the SQLite store in a file; create it if it does not exist.

        Raises:
            HpoError: If the file is not a ledger, is damaged, or is of a later version.
        """
        adopt_rescued(path)
        return cls(f"sqlite:///{path}")

    def _lay_out(self) -> None:
        with writing(self._engine) as connection:
            _metadata.create_all(connection)
            version = connection.execute(sa.select(_about.c.version)).scalar()
            if version is None:
                connection.execute(_about.insert().values(version=VERSION))
            elif version > VERSION:
                raise HpoError(
                    f"{self._engine.url.database} was written by a later version ({version} > {VERSION})"
                )
            elif version < VERSION:
                _add_chain(connection)

    def create(self, stem: str, opened: SearchOpened, name: str | None = None) -> SearchLedger:
        """Open a new search with its first event.

        Args:
            stem: If no name is given, the search is called ``<stem>-<k>`` with the smallest free k.
            opened: Its first event.
            name: Its name, if the user chose one.

        Raises:
            UserError: If a search of that name exists, or the name is not legal.
        """
        if name is not None:
            self.refuse_name(name)
        with errors_translated(self._engine), writing(self._engine) as connection:
            taken = set(connection.execute(sa.select(_searches.c.name)).scalars())
            if name is None:
                name = next(free for k in range(1, len(taken) + 2) if (free := f"{stem}-{k}") not in taken)
            result = connection.execute(_searches.insert().values(name=name))
            assert result.inserted_primary_key is not None
            ledger = SearchLedger(self, name, result.inserted_primary_key[0])
            ledger.insert(connection, [opened])
        return ledger

    def restore(self, name: str, stored: Sequence[StoredEvent], new: Sequence[Event] = ()) -> None:
        """Write a whole search again, event by event as it was stored, and then new events."""
        with errors_translated(self._engine), writing(self._engine) as connection:
            result = connection.execute(_searches.insert().values(name=name))
            assert result.inserted_primary_key is not None
            ledger = SearchLedger(self, name, result.inserted_primary_key[0])
            connection.execute(_insert, [ledger.row(event) for event in stored])
            ledger.insert(connection, new)

    def refuse_name(self, name: str) -> None:
        """Refuse a name that a new search cannot have; it is also the name of a folder.

        Raises:
            UserError: If a search of that name exists, or the name is not legal.
        """
        if not NAME.fullmatch(name):
            raise UserError(f"--name {name!r}: legal: up to 80 letters, digits, dots, _ and -")
        if name in self.names():
            raise UserError(f"--name {name}: a search of this name already exists; choose another")

    def open(self, name: str) -> SearchLedger:
        """Open the ledger of an existing search.

        Raises:
            UserError: If there is no search of that name.
        """
        with errors_translated(self._engine), self._engine.connect() as connection:
            query = sa.select(_searches.c.id).where(_searches.c.name == name)
            number = connection.execute(query).scalar()
        if number is None or not NAME.fullmatch(
            name
        ):  # it becomes a folder's name, even if the database is not trusted
            names = ", ".join(self.names()) or "none yet"
            raise UserError(f"there is no search {name!r}; existing searches: {names}")
        return SearchLedger(self, name, number)

    def names(self) -> list[str]:
        """Return the names of all searches, oldest first."""
        with errors_translated(self._engine), self._engine.connect() as connection:
            return list(connection.execute(sa.select(_searches.c.name).order_by(_searches.c.id)).scalars())

    def close(self) -> None:
        """Close the connections to the database."""
        self._engine.dispose()


class SearchLedger:
    """The append-only record of one search.

    Attributes:
        latest: The state when it was last read whole; None before that. See `hpo.ledger.searches`.
    """

    def __init__(self, store: LedgerStore, name: str, number: int):
        self._store = store
        self.name = name
        self._number = number
        self.latest: History | None = None

    @property
    def engine(self) -> sa.Engine:
        """The database."""
        return self._store._engine

    def append(self, new: Sequence[Event], then: Follow | None = None) -> list[Recorded]:
        """Commit events, and those that follow from them, to disk, all or none.

        Raises:
            HpoError: If the database cannot be written (disk full, damaged, locked for too long).
        """
        with errors_translated(self._store._engine), writing(self._store._engine) as connection:
            recorded: list[Recorded] = []
            while new:
                batch = self.insert(connection, new)
                recorded += batch
                new = then(batch) if then else ()
            return recorded

    def insert(self, connection: sa.Connection, new: Sequence[Event]) -> list[Recorded]:
        """Add events inside the caller's transaction."""
        last, link = self._last(connection)
        now = float(self._store._clock())
        recorded, rows = [], []
        for seq, event in enumerate(new, last + 1):
            kind, body = type(event).__name__, body_of(event)
            digest = digest_of(now, kind, body)
            link = link_after(link, digest)
            rows.append(self.row(StoredEvent(seq, now, kind, body, digest, link)))
            recorded.append(Recorded(seq, now, event, link.hex()))
        if rows:
            connection.execute(_insert, rows)
        return recorded

    def _last(self, connection: sa.Connection) -> tuple[int, bytes]:
        """Return the position of the last event and the link after it; earlier versions stored no link."""
        last = connection.execute(_last, {"number": self._number}).first()
        if last is None:
            return 0, start_of(self.name)
        if last.link is not None:
            return last.seq, bytes(last.link)
        events = [_stored(row) for row in connection.execute(_all, {"number": self._number})]
        linked = [number for number, event in enumerate(events, 1) if event.link is not None]
        before = events[linked[-1] - 1].link if linked else None
        return last.seq, link_of_all(before or start_of(self.name), events[linked[-1] if linked else 0 :])

    def row(self, event: StoredEvent) -> JsonObject:
        """Return an event as a row of the database."""
        return {"search": self._number, **fields_of(event)}

    def stored(self) -> list[StoredEvent]:
        """Return every event as it is stored, in the order of their positions, whatever it is like."""
        with errors_translated(self._store._engine), self._store._engine.connect() as connection:
            return [_stored(row) for row in connection.execute(_all, {"number": self._number})]

    def claim(self, claim: TestClaimed) -> Recorded | None:
        """Claim the test part for this search in one transaction; None if it is already claimed.

        Raises:
            HpoError: If the database cannot be written (disk full, damaged, locked for too long).
        """
        with errors_translated(self._store._engine):
            try:
                with writing(self._store._engine) as connection:
                    return self.insert(connection, [claim])[0]
            except sa.exc.IntegrityError:
                return None

    def read(self, after: int = 0, kinds: Sequence[type[Event]] = ()) -> Iterator[Recorded]:
        """Yield events with a sequence number above ``after``, in order.

        Args:
            after: The last sequence number that is already known.
            kinds: Kinds of events to read; empty for all.
        """
        query = (
            sa.select(_events.c.seq, _events.c.time, _events.c.kind, _events.c.body, _events.c.link)
            .where(_events.c.search == self._number, _events.c.seq > after)
            .order_by(_events.c.seq)
        )
        if kinds:
            query = query.where(_events.c.kind.in_([kind.__name__ for kind in kinds]))
        with errors_translated(self._store._engine), self._store._engine.connect() as connection:
            for expected, (seq, when, kind, body, link) in enumerate(connection.execute(query), after + 1):
                if not kinds and seq != expected:
                    raise DamagedLedger(f"event {expected} of {self.name} is missing; {RESCUE}")
                yield Recorded(seq, when, self._event(seq, kind, body), _bytes(link).hex())

    def _event(self, seq: int, kind: str, body: str) -> Event:
        try:
            return event_of(kind, parsed(body))
        except (ValueError, TypeError, AttributeError) as error:
            raise DamagedLedger(f"event {seq} of {self.name} cannot be read; {RESCUE}") from error
        except KeyError as error:
            raise HpoError(f"event {seq} of {self.name} was written by a later version: {kind}") from error


def _add_chain(connection: sa.Connection) -> None:
    """Add the columns of the chain to a ledger of version 1; its events stay as they are."""
    binary = _events.c.link.type.compile(connection.dialect)
    for column in (_events.c.digest, _events.c.link):
        connection.execute(sa.text(f"ALTER TABLE events ADD COLUMN {column.name} {binary}"))
    connection.execute(_about.update().values(version=VERSION))


def _bytes(value: object) -> bytes:
    """Return a digest; empty for a value that is missing or that somebody edited into something else."""
    return bytes(value) if isinstance(value, bytes | memoryview) else b""


def _stored(row: sa.Row[Any]) -> StoredEvent:
    digest, link = _bytes(row.digest) or None, _bytes(row.link) or None
    return StoredEvent(row.seq, row.time, row.kind, row.body, digest, link)


_last = (
    sa.select(_events.c.seq, _events.c.link)
    .where(_events.c.search == sa.bindparam("number"))
    .order_by(_events.c.seq.desc())
    .limit(1)
)
_all = (
    sa.select(*(column for column in _events.c if column.name != "search"))
    .where(_events.c.search == sa.bindparam("number"))
    .order_by(_events.c.seq)
)
_insert = _events.insert()
