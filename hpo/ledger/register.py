"""The test-use register: every opening of a test part, across all searches and homes of a user or team."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import sqlalchemy as sa

from hpo.core.errors import HpoError
from hpo.core.json_values import parsed
from hpo.core.likeness import SAME
from hpo.ledger.database import engine_of, errors_translated, shown, writing
from hpo.ledger.opened_data import COLUMNS, DERIVED, Recognition, Rows, openings_of, read_openings
from hpo.ledger.opening import COMPLETED, FAILED, OPENING, WITHDRAWN, AlreadyOpened, Opening
from hpo.ledger.register_layout import beside_a_ledger, cuts, laid_out, openings, signatures, test_parts, uses
from trainables.data.digests import BYTES, as_keys

PATIENCE = 5.0
"""Seconds for which a locked register is waited for; writing to it takes milliseconds."""


@dataclass(frozen=True, slots=True)
class Use:
    """A search that validated its trials on some rows.

    Attributes:
        key: Key of the search.
        search: Its name.
        by: User and machine.
        trials: Number of its trials so far.
        rows: Sketch of the validation rows.
        time: When it was recorded first, Unix seconds.
    """

    key: str
    search: str
    by: str
    trials: int
    rows: bytes = field(repr=False)
    time: float = 0.0


class Register:
    """The openings in one database: a user's own file, or one shared by a team."""

    def __init__(
        self, location: Path | str, clock: Callable[[], float] = time.time, patience: float = PATIENCE
    ):
        """Open the register, creating it if necessary.

        Args:
            location: An SQLite file, or the URL of a database (``postgresql://...``). A new file is
                readable by its owner only, or by the group as well in a folder that the group may
                write to.
            clock: Seconds since 1970.
            patience: Seconds for which a register that another process has locked is waited for.

        Raises:
            UserError: If it is of a later version.
            HpoError: If it cannot be created or used.
        """
        url = location if isinstance(location, str) and "://" in location else _file_url(Path(location))
        self._engine = engine_of(url, keep=False, patience=patience)
        self._clock = clock
        with errors_translated(self._engine, "test-use register"):
            self._engine = beside_a_ledger(self._engine)
            with writing(self._engine) as connection:
                self.key = laid_out(connection, self.location)

    @property
    def location(self) -> str:
        """File or URL of the register, without a password."""
        return shown(self._engine)

    def all(self) -> list[Opening]:
        """Return every opening, oldest first, including withdrawn ones."""
        with errors_translated(self._engine, "test-use register"), self._engine.connect() as connection:
            return read_openings(connection, {})

    def openings_of(
        self, fingerprint: str, rows: Rows, recognition: Recognition | None = None
    ) -> list[Opening]:
        """Return the openings of the same or resembling test data so far, oldest first.

        Args:
            fingerprint: Fingerprint of the test part.
            rows: Its row digests, [n, 2]; without rows only the identical part is recognised.
            recognition: Recognises the data after it was edited; None to compare row digests alone.
        """
        with errors_translated(self._engine, "test-use register"), self._engine.connect() as connection:
            return openings_of(connection, fingerprint, rows, recognition)

    def cuts_of(self, openings_found: Iterable[Opening]) -> dict[str, bytes]:
        """Return the cuts on record of the data sets that were opened, by fingerprint of the test part."""
        parts = {opening.fingerprint for opening in openings_found}
        query = sa.select(cuts.c.fingerprint, cuts.c.content).where(cuts.c.fingerprint.in_(parts))
        with errors_translated(self._engine, "test-use register"), self._engine.connect() as connection:
            return {part: bytes(content) for part, content in connection.execute(query)}

    def uses(self) -> list[Use]:
        """Return all searches with the rows that they validated on, oldest first."""
        columns = (uses.c.key, uses.c.time, uses.c.trials, uses.c.body, uses.c.content)
        with errors_translated(self._engine, "test-use register"), self._engine.connect() as connection:
            records = connection.execute(sa.select(*columns).order_by(uses.c.time)).all()
        return [
            Use(key=key, time=when, trials=trials, rows=bytes(content), **parsed(body))
            for key, when, trials, body, content in records
        ]

    def record_use(self, use: Use) -> None:
        """Record a search on validation rows, or how many trials it has by now."""
        this_key, body = uses.c.key == use.key, json.dumps({"search": use.search, "by": use.by})
        with errors_translated(self._engine, "test-use register"), writing(self._engine) as connection:
            changed = connection.execute(uses.update().where(this_key).values(trials=use.trials))
            if not changed.rowcount:
                row = {"key": use.key, "time": self._clock(), "trials": use.trials, "body": body}
                connection.execute(uses.insert().values(**row, content=use.rows))

    def rows_in_parts(self, rows: Rows) -> dict[str, int]:
        """Return how many of some rows are in each opened test part, by its fingerprint.

        Args:
            rows: Digests of the rows, [n, 2].
        """
        keys = as_keys(rows)
        query = sa.select(test_parts.c.fingerprint, test_parts.c.rows)
        with errors_translated(self._engine, "test-use register"), self._engine.connect() as connection:
            parts = connection.execute(query).all()
        return {
            part: int(np.isin(keys, np.frombuffer(content, dtype=f"V{BYTES}")).sum())
            for part, content in parts
        }

    def begin(
        self,
        opening: Opening,
        rows: Rows,
        recognition: Recognition | None = None,
        cut: bytes = b"",
        elsewhere: Sequence[Opening] = (),
    ) -> Opening:
        """Record an opening before the test part is read; the same claim's earlier one is resumed.

        Args:
            opening: The opening.
            rows: Row digests of the test part, [n, 2].
            recognition: Recognises the data after it was edited; None without a signature.
            cut: Which rows of the data set are its test part; empty if that is not on record.
            elsewhere: Openings of the same data that another record has.

        Raises:
            AlreadyOpened: If the same or resembling data has other openings and this one gives no reason.
        """
        with errors_translated(self._engine, "test-use register"), writing(self._engine) as connection:
            earlier = openings_of(connection, opening.fingerprint, rows, recognition)
            others = [other for other in (*elsewhere, *earlier) if other.key != opening.key]
            if any(previous.key == opening.key for previous in earlier):
                return next(previous for previous in earlier if previous.key == opening.key)
            if others and not opening.reason:
                raise AlreadyOpened(others)
            looks = sum(other.likeness == SAME for other in others)
            begun = dataclasses.replace(opening, look=looks + 1, time=self._clock(), state=OPENING)
            if not others and not opening.predicted:
                begun = dataclasses.replace(begun, reason="")
            _insert(connection, begun, rows)
            for table, content in ((signatures, recognition.signature if recognition else b""), (cuts, cut)):
                _attach(connection, table, opening.fingerprint, content)
            return begun

    def complete(self, key: str, scores: Mapping[str, Mapping[str, float]]) -> None:
        """Record the scores of an opening."""
        with errors_translated(self._engine, "test-use register"), writing(self._engine) as connection:
            this_key = openings.c.key == key
            body = json.loads(connection.execute(sa.select(openings.c.body).where(this_key)).scalar_one())
            scored = json.dumps({**body, "scores": {name: dict(score) for name, score in scores.items()}})
            connection.execute(openings.update().where(this_key).values(state=COMPLETED, body=scored))

    def fail(self, key: str) -> None:
        """Record that predictions were seen, but no score came of them."""
        with errors_translated(self._engine, "test-use register"), writing(self._engine) as connection:
            connection.execute(openings.update().where(openings.c.key == key).values(state=FAILED))

    def withdraw(self, key: str) -> None:
        """Record that nothing was seen: the data had changed."""
        with errors_translated(self._engine, "test-use register"), writing(self._engine) as connection:
            change = openings.update().where(openings.c.key == key, openings.c.state == OPENING)
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
        raise HpoError(
            f"the test-use register at {path} cannot be written: {error.strerror}; HPO_REGISTER names another"
        ) from error
    return f"sqlite:///{path}"


def _attach(connection: sa.Connection, table: sa.Table, fingerprint: str, content: bytes) -> None:
    """Keep something with a test part instead of what was kept there before; nothing if it is empty."""
    if content:
        connection.execute(table.delete().where(table.c.fingerprint == fingerprint))
        connection.execute(table.insert().values(fingerprint=fingerprint, content=content))


def _insert(connection: sa.Connection, opening: Opening, rows: Rows) -> None:
    part = sa.select(test_parts.c.fingerprint).where(test_parts.c.fingerprint == opening.fingerprint)
    if connection.execute(part).scalar() is None:
        content = np.unique(as_keys(rows)).tobytes()
        connection.execute(test_parts.insert().values(fingerprint=opening.fingerprint, rows=content))
    fields = dataclasses.asdict(opening)
    body = json.dumps({name: value for name, value in fields.items() if name not in DERIVED})
    connection.execute(openings.delete().where(openings.c.key == opening.key))  # withdrawn earlier
    connection.execute(openings.insert().values(body=body, **{name: fields[name] for name in COLUMNS}))
