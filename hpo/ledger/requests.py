"""Requests to the process that runs a search, left in the ledger's database by other processes.

They are not part of the record: what comes of one is an event that the running process appends.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa

from hpo.ledger.database import errors_translated, writing
from hpo.ledger.reconnecting import rows_of
from hpo.ledger.search_ledger import SearchLedger
from hpo.ledger.tables import requests

STOP_TRIAL = "trial"
"""The field whose value is the number of a trial to stop."""

RETRY_TRIAL = "retry"
"""The field whose value is the number of a failed trial to try again."""

STOP = "stop"
"""The field of a request to stop the search; its value says nothing."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a user asks of a running search.

    Attributes:
        number: Position among all requests of the database.
        user: Who asks.
        field: Field of the spec to change, such as ``budget.trials``; or `STOP_TRIAL`, `RETRY_TRIAL`
            or `STOP`.
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
        self._engine, self._search, self._number = ledger.engine, ledger.name, ledger.number

    def leave(self, user: str, field: str, value: int) -> None:
        """Leave a request.

        Raises:
            HpoError: If the database cannot be written.
        """
        row = {"search": self._search, "time": time.time(), "user": user, "field": field, "value": value}
        with errors_translated(self._engine), writing(self._engine, self._number) as connection:
            connection.execute(requests.insert().values(row))

    @property
    def last(self) -> int:
        """Number of the latest request; 0 before the first."""
        query = sa.select(sa.func.max(requests.c.number)).where(requests.c.search == self._search)
        with errors_translated(self._engine):
            return next(iter(rows_of(self._engine, query, {})))[0] or 0

    def after(self, number: int) -> Iterator[Request]:
        """Yield later requests, in the order in which they were left."""
        columns = (requests.c.number, requests.c.user, requests.c.field, requests.c.value)
        later = (requests.c.search == self._search) & (requests.c.number > number)
        query = sa.select(*columns).where(later).order_by(requests.c.number)
        with errors_translated(self._engine):
            for row in rows_of(self._engine, query, {}):
                yield Request(row.number, row.user, row.field, row.value)
