"""The ledger's database: every search's events, append-only, committed before anyone acts.

SQLAlchemy Core over SQLite (write-ahead log, every commit flushed to disk) or PostgreSQL for a
team. An event is one row of text, so that NaN and every float survive exactly, and events form a hash
chain (`hpo.core.chain`). No statement ever changes a row.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from hpo.core.addresses import without_secrets
from hpo.core.chain import StoredEvent
from hpo.core.errors import UserError
from hpo.core.events import Event, SearchOpened
from hpo.core.home import Home
from hpo.core.search_summary import SearchSummary
from hpo.ledger import summaries, tables
from hpo.ledger.database import OpenDatabase, engine_of, errors_translated, shown, writing
from hpo.ledger.leases import Lease, all_leases
from hpo.ledger.search_ledger import SearchLedger
from hpo.ledger.summaries import StoredSummary
from hpo.ledger.tables import VERSION, searches

__all__ = ["VERSION", "LedgerStore", "SearchLedger", "adopt_rescued", "rescued_beside", "steady_clock"]

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
"""Pattern of a search's name."""


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
    """Finish a rescue that was killed: replace the damaged ledger with its new one.

    The old write-ahead log goes first, because SQLite would apply it to the new file.
    """
    if rescued_beside(path).is_file():
        for end in FILES[1:]:
            Path(f"{path}{end}").unlink(missing_ok=True)
        os.replace(rescued_beside(path), path)


@contextmanager
def _reachable(engine: sa.Engine) -> Iterator[None]:
    """Say what was wrong with the address of a server that no connection can be opened to.

    Raises:
        UserError: If nothing answers there, or it refuses the user, the password or the database.
    """
    try:
        yield
    except sa.exc.OperationalError as error:
        if engine.dialect.name == "sqlite" or error.statement is not None:
            raise
        reason = without_secrets(" ".join(str(error.orig).split()))
        raise UserError(
            f"the ledger at {shown(engine)} cannot be reached: {reason}; HPO_LEDGER or `hpo profile` names it"
        ) from error


class LedgerStore:
    """All searches of one home or team."""

    def __init__(self, url: str, clock: Callable[[], float] | None = None):
        self._database = OpenDatabase(engine_of(url), clock or steady_clock())
        self._engine = self._database.engine
        try:
            with errors_translated(self._engine), _reachable(self._engine):
                self._lay_out()
        except BaseException:
            self.close()
            raise

    @classmethod
    def of(cls, home: Home) -> LedgerStore:
        """Open the ledger of a home: the database that its team shares, or its own file.

        Raises:
            UserError: If the database's address is not one or not reached, or it is of a later version.
            HpoError: If it cannot be used or is damaged.
        """
        return cls(home.database) if home.database else cls.at(home.ledger)

    @classmethod
    def at(cls, path: Path) -> LedgerStore:
        """Open the SQLite store in a file; create it if it does not exist.

        Raises:
            UserError: If it is of a later version.
            HpoError: If the file is not a ledger or is damaged.
        """
        adopt_rescued(path)
        return cls(f"sqlite:///{path}")

    def _lay_out(self) -> None:
        with self._engine.connect() as connection:
            if self._version(connection) == VERSION:
                return
        with writing(self._engine) as connection:
            version = self._version(connection)  # another process may have laid it out meanwhile
            if version is None:
                tables.record.create_all(connection)
                tables.beside.create_all(connection)
                connection.execute(tables.about.insert().values(version=VERSION))
            elif version > VERSION:
                raise UserError(
                    f"the ledger at {shown(self._engine)} was written by a later version of hpo (layout "
                    f"{version}; this one knows {VERSION}): update hpo"
                )
            elif version < VERSION:
                from hpo.ledger.migrations import migrate

                migrate(connection, version)

    def _version(self, connection: sa.Connection) -> int | None:
        """Return the version of the layout; None for an empty database."""
        if not sa.inspect(connection).has_table(tables.about.name):
            return None
        version: int | None = connection.execute(sa.select(tables.about.c.version)).scalar()
        return version

    def create(
        self,
        stem: str,
        opened: SearchOpened,
        name: str | None = None,
        beside: Callable[[sa.Connection, SearchLedger], None] | None = None,
    ) -> SearchLedger:
        """Open a new search with its first event.

        Args:
            stem: If no name is given, the search is called ``<stem>-<k>`` with the smallest free k.
            opened: Its first event.
            name: Its name, if the user chose one.
            beside: Writes what else belongs to it, in the same transaction.

        Raises:
            UserError: If a search of that name exists, or the name is not legal.
        """
        if name is not None:
            self.refuse_name(name)
        with errors_translated(self._engine), writing(self._engine) as connection:
            taken = set(connection.execute(sa.select(searches.c.name)).scalars())
            if name is None:
                name = next(free for k in range(1, len(taken) + 2) if (free := f"{stem}-{k}") not in taken)
            ledger = self._added(connection, name)
            ledger.insert(connection, [opened])
            if beside:
                beside(connection, ledger)
        return ledger

    def restore(self, name: str, stored: Sequence[StoredEvent], new: Sequence[Event] = ()) -> None:
        """Write a whole search again, event by event as it was stored, and then new events."""
        with errors_translated(self._engine), writing(self._engine) as connection:
            ledger = self._added(connection, name)
            ledger.restore(connection, stored)
            ledger.insert(connection, new)

    def _added(self, connection: sa.Connection, name: str) -> SearchLedger:
        """Add a search without events."""
        result = connection.execute(searches.insert().values(name=name))
        assert result.inserted_primary_key is not None
        return SearchLedger(self._database, name, result.inserted_primary_key[0])

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
            query = sa.select(searches.c.id).where(searches.c.name == name)
            number = connection.execute(query).scalar()
        if number is None or not NAME.fullmatch(
            name
        ):  # it becomes a folder's name, even if the database is not trusted
            names = ", ".join(self.names()) or "none yet"
            raise UserError(f"there is no search {name!r}; existing searches: {names}")
        return SearchLedger(self._database, name, number)

    def names(self) -> list[str]:
        """Return the names of all searches, oldest first."""
        with errors_translated(self._engine), self._engine.connect() as connection:
            return list(connection.execute(sa.select(searches.c.name).order_by(searches.c.id)).scalars())

    def summaries(self) -> list[tuple[str, SearchSummary]]:
        """Return the name and the summary of every search, oldest first.

        Raises:
            HpoError: If events of a search that its stored summary does not cover cannot be read.
        """
        with errors_translated(self._engine), self._engine.connect() as connection:
            stored = summaries.load(connection)
        return [
            (entry.name, entry.summary if entry.summary.seq == entry.last else self._of(entry).summary())
            for entry in stored
        ]

    def leases(self) -> list[Lease]:
        """Return the lease of every search that has one."""
        return all_leases(self._engine)

    def _of(self, stored: StoredSummary) -> SearchLedger:
        return SearchLedger(self._database, stored.name, stored.search)

    def close(self) -> None:
        """Close the connections to the database."""
        self._engine.dispose()
