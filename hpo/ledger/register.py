"""The test-use register: every opening of a test part, across all searches and homes of a user or team.

Test data is recognised by its rows, not by its location: a part is the same as an earlier one if more
than half of the smaller one's distinct rows are also in the other. So reordering, renaming, copying,
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
"""Test parts that share more than this fraction of the smaller one's rows are the same."""

VERSION = 1
"""Version of the layout below; a register of a later version is refused."""

OPENING, COMPLETED, WITHDRAWN = "opening", "completed", "withdrawn"
"""Started and possibly seen; scored; abandoned before any example was scored, which does not count."""

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
    """One opening of a test part.

    Attributes:
        key: Key of the claim it follows from; the same claim finished later is the same opening.
        fingerprint: Fingerprint of the test part.
        n: Number of its examples.
        by: User and machine.
        search: Name of the search.
        home: Home of the search.
        source: Where the data was read from.
        recipe: Digest of the recipe that was scored.
        look: How often this data has been opened, including this time.
        reason: Reason for a further opening; empty for the first.
        time: Start of the opening, Unix seconds.
        state: ``opening``, ``completed`` or ``withdrawn``.
        scores: Metric to ``{"value", "low", "high"}``; empty until it is completed.
        overlap: Share of rows in common with the part that was queried.
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
    """The same test data was opened before, and no reason was given to open it again.

    Attributes:
        openings: The openings so far, oldest first.
    """

    def __init__(self, openings: list[Opening]):
        self.openings = openings
        super().__init__(f"the same test data was opened before, {len(openings)} times")


class Register:
    """The openings in one database: a user's own file, or one shared by a team."""

    def __init__(self, location: Path | str, clock: Callable[[], float] = time.time):
        """Open the register, creating it if necessary.

        Args:
            location: An SQLite file, or the URL of a database (``postgresql://...``). A new file is
                readable by its owner only, or by the group as well in a folder that the group may
                write to.
            clock: Seconds since 1970.

        Raises:
            HpoError: If it cannot be created or used, or is of a later version.
        """
        url = location if isinstance(location, str) and "://" in location else _file_url(Path(location))
        self._engine = engine_of(url, keep=False)
        self._clock = clock
        with errors_translated(self._engine, "test-use register"), writing(self._engine) as connection:
            _metadata.create_all(connection)
            version = connection.execute(sa.select(_about.c.version)).scalar()
            if version is None:
                connection.execute(_about.insert().values(version=VERSION))
            elif version > VERSION:
                raise HpoError(f"{self.location} was written by a later version ({version} > {VERSION})")

    @property
    def location(self) -> str:
        """File or URL of the register, without a password."""
        url = self._engine.url
        return str(url.database) if url.drivername == "sqlite" else url.render_as_string(hide_password=True)

    def all(self) -> list[Opening]:
        """Return every opening, oldest first, including withdrawn ones."""
        with errors_translated(self._engine, "test-use register"), self._engine.connect() as connection:
            return _read(connection, {})

    def openings_of(self, fingerprint: str, rows: Rows) -> list[Opening]:
        """Return the openings of the same test data so far, oldest first.

        Args:
            fingerprint: Fingerprint of the test part.
            rows: Its row digests, [n, 2]; without rows only the identical part is recognised.
        """
        with errors_translated(self._engine, "test-use register"), self._engine.connect() as connection:
            return _openings_of(connection, fingerprint, rows)

    def begin(self, opening: Opening, rows: Rows) -> Opening:
        """Record an opening before the test part is read; the same claim's earlier one is resumed.

        Raises:
            AlreadyOpened: If the same data has other openings and this one gives no reason.
        """
        with errors_translated(self._engine, "test-use register"), writing(self._engine) as connection:
            earlier = _openings_of(connection, opening.fingerprint, rows)
            others = [known for known in earlier if known.key != opening.key]
            if len(others) < len(earlier):
                return next(known for known in earlier if known.key == opening.key)
            if others and not opening.reason:
                raise AlreadyOpened(others)
            begun = dataclasses.replace(opening, look=len(others) + 1, time=self._clock(), state=OPENING)
            if not others:
                begun = dataclasses.replace(begun, reason="")
            _insert(connection, begun, rows)
            return begun

    def complete(self, key: str, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Record the scores of an opening."""
        with errors_translated(self._engine, "test-use register"), writing(self._engine) as connection:
            this = _openings.c.key == key
            body = json.loads(connection.execute(sa.select(_openings.c.body).where(this)).scalar_one())
            scored = json.dumps({**body, "scores": {name: dict(score) for name, score in scores.items()}})
            connection.execute(_openings.update().where(this).values(state=COMPLETED, body=scored))

    def withdraw(self, key: str) -> None:
        """Record that nothing was seen: the data had changed."""
        with errors_translated(self._engine, "test-use register"), writing(self._engine) as connection:
            change = _openings.update().where(_openings.c.key == key, _openings.c.state == OPENING)
            connection.execute(change.values(state=WITHDRAWN))


def _file_url(path: Path) -> str:
    """Return the SQLite URL of a file, created with suitable permissions if necessary."""
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
"""Fields of an opening that are not in its JSON body."""


def _insert(connection: sa.Connection, opening: Opening, rows: Rows) -> None:
    part = sa.select(_parts.c.fingerprint).where(_parts.c.fingerprint == opening.fingerprint)
    if connection.execute(part).scalar() is None:
        content = np.unique(as_keys(rows)).tobytes()
        connection.execute(_parts.insert().values(fingerprint=opening.fingerprint, rows=content))
    fields = dataclasses.asdict(opening)
    body = json.dumps({name: value for name, value in fields.items() if name not in DERIVED})
    connection.execute(_openings.delete().where(_openings.c.key == opening.key))  # withdrawn earlier
    connection.execute(_openings.insert().values(body=body, **{name: fields[name] for name in COLUMNS}))


def _openings_of(connection: sa.Connection, fingerprint: str, rows: Rows) -> list[Opening]:
    shares = {fingerprint: 1.0}
    ours = np.unique(as_keys(rows))
    for other, content in connection.execute(sa.select(_parts.c.fingerprint, _parts.c.rows)):
        if other != fingerprint:
            shares[other] = _shared(ours, np.frombuffer(content, dtype=f"V{BYTES}"))
    same = {part: share for part, share in shares.items() if share > SAME}
    return [
        opening
        for opening in _read(connection, same)
        if opening.fingerprint in same and opening.state != WITHDRAWN
    ]


def _shared(ours: NDArray[np.void], theirs: NDArray[np.void]) -> float:
    """Return the share of the smaller set of distinct rows that is in the other."""
    smaller = min(len(ours), len(theirs))
    return float(np.isin(ours, theirs).sum()) / smaller if smaller else 0.0


def _read(connection: sa.Connection, shares: Mapping[str, float]) -> list[Opening]:
    columns = (*(_openings.c[name] for name in COLUMNS), _openings.c.body)
    names = {field.name for field in dataclasses.fields(Opening)}
    openings: list[Opening] = []
    for key, fingerprint, when, state, body in connection.execute(
        sa.select(*columns).order_by(_openings.c.id)
    ):
        fields: dict[str, Any] = {name: value for name, value in json.loads(body).items() if name in names}
        overlap = shares.get(fingerprint, 1.0)
        openings.append(
            Opening(key=key, fingerprint=fingerprint, time=when, state=state, overlap=overlap, **fields)
        )
    return openings
