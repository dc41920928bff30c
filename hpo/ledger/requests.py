"""Requests to the process that runs a search, left in the ledger's database by other processes.

They are not part of the record: what comes of one is an event that the running process appends.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from hpo.ledger.database import errors_translated, writing
from hpo.ledger.store import SearchLedger

_metadata = sa.MetaData()

_requests = sa.Table(
    "requests",
    _metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("search", sa.Text, nullable=False, index=True),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("field", sa.Text, nullable=False),
    sa.Column("value", sa.Integer, nullable=False),
)

STOP_TRIAL = "trial"
"""The field whose value is the number of a trial to stop."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks of a running search.

    Attributes:
        number: Position among all requests of the database.
        user: Who asks.
        field: Field of the spec to change, such as ``budget.trials``; or `STOP_TRIAL`.
        value: Its new value; the trial's number.
    """

    number: int
    user: str
    field: str
    value: int


class Requests:
    """The requests to one search.

    Args:
        ledger: The search's record, whose database holds them.
    """

    def __init__(self, ledger: SearchLedger):
        self._engine, self._search = ledger.engine, ledger.name
        with errors_translated(self._engine), writing(self._engine) as connection:
            _metadata.create_all(connection)

    def leave(self, user: str, field: str, value: int) -> None:
        """Leave a request.

        Raises:
            HpoError: If the database cannot be written.
        """
        row = {"search": self._search, "time": time.time(), "user": user, "field": field, "value": value}
        with errors_translated(self._engine), writing(self._engine) as connection:
            connection.execute(_requests.insert().values(row))

    @property
    def last(self) -> int:
        """Number of the latest request; 0 before the first."""
        query = sa.select(sa.func.max(_requests.c.number)).where(_requests.c.search == self._search)
        with errors_translated(self._engine), self._engine.connect() as connection:
            return connection.execute(query).scalar() or 0

    def after(self, number: int) -> Iterator[Request]:
        """Yield later requests, in the order in which they were left."""
        columns = (_requests.c.number, _requests.c.user, _requests.c.field, _requests.c.value)
        later = (_requests.c.search == self._search) & (_requests.c.number > number)
        with errors_translated(self._engine), self._engine.connect() as connection:
            for row in connection.execute(sa.select(*columns).where(later).order_by(_requests.c.number)):
                yield Request(*row)
