"""The test-use register: every opening of a test part, across all searches and homes of a user or team.

Test data is known by its rows, not by its place: a part is the same as an earlier one if more than
half of the smaller one's distinct rows are also in the other. So reordering, renaming, copying,
dropping some rows or adding any number does not make new test data.
"""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from hpo.core.errors import HpoError, Refused
from hpo.ledger.database import engine_of, errors_translated, writing
from trainables.data.digests import BYTES, as_keys

SAME = 0.5
"""Test parts that share a larger part than this of the smaller one's rows are the same."""

VERSION = 1
"""Of the layout below; a register of a later version is refused."""

OPENING, COMPLETED, WITHDRAWN = "opening", "completed", "withdrawn"
"""Begun and maybe seen; scored; given up before a single example was scored, which is no look."""

_metadata = sa.MetaData()

_about = sa.Table("about", _metadata, sa.Column("version", sa.Integer, nullable=False))

_parts = sa.Table(
    "test_parts",
    _metadata,
    sa.Column("fingerprint", sa.Text, primary_key=True),
    sa.Column("rows", sa.LargeBinary, nullable=False),
)

_openings = sa.Table(
    "openings",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("fingerprint", sa.Text, sa.ForeignKey("test_parts.fingerprint"), nullable=False),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

Rows = NDArray[np.uint64]


@dataclass(frozen=True, slots=True)
class Opening:
    """One look at a test part.

    Attributes:
        key: Of the claim that it follows from; the same claim finished later is the same look.
        fingerprint: Of the test part.
        n: Number of its examples.
        by: Who looked.
        search: For which search.
        home: In which home.
        source: Where the data was read from.
        recipe: Digest of the recipe that was scored.
        look: How often this data had been opened, this time included.
        reason: Why again; empty for the first look.
        time: When it began, Unix seconds.
        state: ``opening``, ``completed`` or ``withdrawn``.
        scores: Metric to ``{"value", "low", "high"}``; empty until it is completed.
        overlap: Share of rows it has in common with the part that was asked about.
    """

    key: str
    fingerprint: str
    n: int
    by: str
    search: str
    home: str
    source: str
    recipe: str
    look: int = 1
    reason: str = ""
    time: float = 0.0
    state: str = OPENING
    scores: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    overlap: float = 1.0


class AlreadyOpened(Refused):
    """The same test data was opened before, and nobody said why it should be again.

    Attributes:
        looks: The looks so far, the first one first.
    """

    def __init__(self, looks: list[Opening]):
        self.looks = looks
        super().__init__(f"the same test data was opened before, {len(looks)} times")


class Register:
    """The openings in one database: a user's own file, or one that a team shares."""

    def __init__(self, place: Path | str, clock: Callable[[], float] = time.time):
        """Open the register, made if it is not there.

        Args:
            place: An SQLite file, or the URL of a database (``postgresql://...``). A new file is
                open to its owner alone, or to the group as well in a folder that the group may
                write to.
            clock: Seconds since 1970.

        Raises:
            HpoError: If it cannot be made or used, or is of a later version.
        """
        url = place if isinstance(place, str) and "://" in place else _file_url(Path(place))
        self._engine = engine_of(url, keep=False)
        self._clock = clock
        with errors_translated(self._engine, "test-use register"), writing(self._engine) as connection:
            _metadata.create_all(connection)
            found = connection.execute(sa.select(_about.c.version)).scalar()
            if found is None:
                connection.execute(_about.insert().values(version=VERSION))
            elif found > VERSION:
                raise HpoError(f"{self.place} was written by a later version ({found} > {VERSION})")

    @property
    def place(self) -> str:
        """Where it is, without a password."""
        url = self._engine.url
        return str(url.database) if url.drivername == "sqlite" else url.render_as_string(hide_password=True)

    def all(self) -> list[Opening]:
        """Every opening, oldest first, those included that were withdrawn."""
        with errors_translated(self._engine, "test-use register"), self._engine.connect() as connection:
            return _read(connection, {})

    def looks(self, fingerprint: str, rows: Rows) -> list[Opening]:
        """Looks at the same test data so far, oldest first.

        Args:
            fingerprint: Of the test part.
            rows: Its rows' digests, [n, 2]; where they are not at hand, none: then only the very
                same part is found.
        """
        with errors_translated(self._engine, "test-use register"), self._engine.connect() as connection:
            return _looks(connection, fingerprint, rows)

    def begin(self, opening: Opening, rows: Rows) -> Opening:
        """Put a look on record before it is taken; the same claim's earlier one is taken up again.

        Raises:
            SeenBefore: If there are other looks at the same data and the opening gives no reason.
        """
        with errors_translated(self._engine, "test-use register"), writing(self._engine) as connection:
            looks = _looks(connection, opening.fingerprint, rows)
            others = [look for look in looks if look.key != opening.key]
            if len(others) < len(looks):
                return next(look for look in looks if look.key == opening.key)
            if others and not opening.reason:
                raise AlreadyOpened(others)
            begun = dataclasses.replace(opening, look=len(others) + 1, time=self._clock(), state=OPENING)
            if not others:
                begun = dataclasses.replace(begun, reason="")
            _insert(connection, begun, rows)
            return begun

    def complete(self, key: str, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Put on record what the look showed."""
        with errors_translated(self._engine, "test-use register"), writing(self._engine) as connection:
            mine = _openings.c.key == key
            body = json.loads(connection.execute(sa.select(_openings.c.body).where(mine)).scalar_one())
            said = json.dumps({**body, "scores": {name: dict(score) for name, score in scores.items()}})
            connection.execute(_openings.update().where(mine).values(state=COMPLETED, body=said))

    def withdraw(self, key: str) -> None:
        """Put on record that nothing was seen: the data was not what it had been."""
        with errors_translated(self._engine, "test-use register"), writing(self._engine) as connection:
            change = _openings.update().where(_openings.c.key == key, _openings.c.state == OPENING)
            connection.execute(change.values(state=WITHDRAWN))


def _file_url(path: Path) -> str:
    """An SQLite URL of a file, made with fitting permissions if it is not there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            shared = path.parent.stat().st_mode & stat.S_IWGRP
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            path.chmod(0o660 if shared else 0o600)
        os.close(os.open(path, os.O_RDWR))
    except OSError as error:
        raise HpoError(f"the test-use register at {path} cannot be written: {error.strerror}") from error
    return f"sqlite:///{path}"


COLUMNS = ("key", "fingerprint", "time", "state")
DERIVED = (*COLUMNS, "overlap")
"""Fields that have a column of their own, or none."""


def _insert(connection: sa.Connection, opening: Opening, rows: Rows) -> None:
    known = sa.select(_parts.c.fingerprint).where(_parts.c.fingerprint == opening.fingerprint)
    if connection.execute(known).scalar() is None:
        content = np.unique(as_keys(rows)).tobytes()
        connection.execute(_parts.insert().values(fingerprint=opening.fingerprint, rows=content))
    said = dataclasses.asdict(opening)
    body = json.dumps({name: value for name, value in said.items() if name not in DERIVED})
    connection.execute(_openings.delete().where(_openings.c.key == opening.key))  # withdrawn before
    connection.execute(_openings.insert().values(body=body, **{name: said[name] for name in COLUMNS}))


def _looks(connection: sa.Connection, fingerprint: str, rows: Rows) -> list[Opening]:
    shares = {fingerprint: 1.0}
    ours = np.unique(as_keys(rows))
    for known, content in connection.execute(sa.select(_parts.c.fingerprint, _parts.c.rows)):
        if known != fingerprint:
            shares[known] = _shared(ours, np.frombuffer(content, dtype=f"V{BYTES}"))
    same = {known: share for known, share in shares.items() if share > SAME}
    return [look for look in _read(connection, same) if look.fingerprint in same and look.state != WITHDRAWN]


def _shared(ours: NDArray[np.void], theirs: NDArray[np.void]) -> float:
    """Share of the smaller set of distinct rows that is in the other."""
    smaller = min(len(ours), len(theirs))
    return float(np.isin(ours, theirs).sum()) / smaller if smaller else 0.0


def _read(connection: sa.Connection, shares: Mapping[str, float]) -> list[Opening]:
    columns = (*(_openings.c[name] for name in COLUMNS), _openings.c.body)
    known = {each.name for each in dataclasses.fields(Opening)}
    found: list[Opening] = []
    for key, fingerprint, when, state, body in connection.execute(
        sa.select(*columns).order_by(_openings.c.id)
    ):
        said: dict[str, Any] = {k: v for k, v in json.loads(body).items() if k in known}
        overlap = shares.get(fingerprint, 1.0)
        found.append(
            Opening(key=key, fingerprint=fingerprint, time=when, state=state, overlap=overlap, **said)
        )
    return found
