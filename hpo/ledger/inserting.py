"""Adding rows to a table and committing them, in one message to a database server.

A driver that waits for its insertion and then for its commit waits for the network twice at each report.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from hpo.core.json_values import JsonObject
from hpo.ledger.database import in_one_message


def insert_rows(
    connection: sa.Connection, table: sa.Table, rows: Sequence[JsonObject], *, commit: bool
) -> None:
    """Add rows inside a transaction.

    Args:
        connection: Inside a transaction, of which this is the last statement if it is to commit.
        table: The table.
        rows: Values by column, the same columns in each row.
        commit: Whether a server commits in the same message. SQLite has no message to spare.
    """
    if commit and connection.dialect.name == "postgresql":
        in_one_message(connection, f"{_insertion(connection, table, rows)}; COMMIT")
    else:
        connection.execute(table.insert(), list(rows))


def _insertion(connection: sa.Connection, table: sa.Table, rows: Sequence[JsonObject]) -> str:
    """Return the statement with its values in it, quoted by the driver of the database."""
    import psycopg
    from psycopg import sql

    driver, columns = connection.connection.driver_connection, list(rows[0])
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    head = sql.SQL("INSERT INTO {} ({}) VALUES ").format(sql.Identifier(table.name), names)
    quoting = psycopg.ClientCursor(driver)  # type: ignore[arg-type]
    places = ", ".join(["%s"] * len(columns))
    values = ", ".join(quoting.mogrify(f"({places})", [row[column] for column in columns]) for row in rows)
    return head.as_string(driver) + values
