"""Bringing a ledger of an earlier version to the layout of today, one version after the other.

Alembic writes the statements in the database's dialect. It is imported only by a ledger that has to change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import sqlalchemy as sa

from hpo.ledger import tables

if TYPE_CHECKING:
    from alembic.operations import Operations


def migrate(connection: sa.Connection, version: int) -> None:
    """Change the layout of a ledger inside the caller's transaction: all of it, or nothing.

    Args:
        connection: To the database.
        version: The version on record.
    """
    from alembic.operations import Operations
    from alembic.runtime.migration import MigrationContext

    operations = Operations(MigrationContext.configure(connection))
    for step in range(version + 1, tables.VERSION + 1):
        STEPS[step](operations)
    connection.execute(tables.about.update().values(version=tables.VERSION))


def _add_chain(operations: Operations) -> None:
    """Add the columns of the chain; events on record stay as they are."""
    for name in ("digest", "link"):
        operations.add_column("events", sa.Column(name, sa.LargeBinary))


def _add_tables_beside(operations: Operations) -> None:
    """Add the tables beside the record that do not exist yet.

    Version 2 made requests on demand. Summaries are computed when they are first asked for.
    """
    tables.beside.create_all(operations.get_bind())


STEPS: Mapping[int, Callable[[Operations], None]] = {
    2: _add_chain,
    3: _add_tables_beside,
    4: _add_tables_beside,
}
"""What leads to a version from the one before it."""
