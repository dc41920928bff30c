"""What running searches claim of the workers that they share, for each of them to compute all shares.

Claims are not part of the record. They count as long as the search has a lease, so those of a process that
was killed are forgotten when its lease expires.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from hpo.core.sharing import Claim
from hpo.ledger.database import errors_translated
from hpo.ledger.leases import database_now, short_transaction
from hpo.ledger.reconnecting import rows_of
from hpo.ledger.search_ledger import SearchLedger
from hpo.ledger.tables import claims, leases


class Claims:
    """The claims on one pool of workers.

    Args:
        ledger: Record of the search whose claim is written.
        pool: Name of the workers that are shared: a machine, or a cluster.
    """

    def __init__(self, ledger: SearchLedger, pool: str):
        self._engine, self._search, self._pool = ledger.engine, ledger.number, pool

    def put(self, claim: Claim) -> None:
        """Write the search's claim, in place of an earlier one.

        Raises:
            HpoError: If the database cannot be written.
        """
        values = {name: getattr(claim, name) for name in ("demand", "room", "priority", "weight")}
        self._replace({"search": self._search, "pool": self._pool, **values})

    def withdraw(self) -> None:
        """Remove the search's claim, because it needs no more workers.

        Raises:
            HpoError: If the database cannot be written.
        """
        self._replace(None)

    def others(self) -> list[Claim]:
        """Return the claims of the other running searches, oldest search first.

        Raises:
            HpoError: If the database cannot be read.
        """
        columns = (claims.c[name] for name in ("search", "demand", "room", "priority", "weight"))
        query: sa.Select[Any] = sa.select(*columns).join_from(
            claims, leases, leases.c.search == claims.c.search
        )
        theirs = (claims.c.pool == self._pool) & (claims.c.search != self._search)
        live = leases.c.until > database_now(self._engine)
        with errors_translated(self._engine):
            rows = list(rows_of(self._engine, query.where(theirs & live).order_by(claims.c.search), {}))
        return [Claim(row.search, row.demand, row.room, row.priority, row.weight) for row in rows]

    def _replace(self, row: Mapping[str, int | str] | None) -> None:
        with errors_translated(self._engine), short_transaction(self._engine) as connection:
            connection.execute(claims.delete().where(claims.c.search == self._search))
            if row:
                connection.execute(claims.insert().values(row))
