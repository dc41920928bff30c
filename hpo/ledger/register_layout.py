"""Tables of the test-use register, and how an earlier layout is brought up to date.

Layout 1 had no secret, no signatures, no cuts and no uses of validation rows. Such a register gets these
tables when it is next opened; what it holds stays as it is, and its openings are recognised by their row
digests alone.
"""

from __future__ import annotations

import secrets

import sqlalchemy as sa

from hpo.core.errors import UserError
from hpo.ledger.database import writing

VERSION = 2
"""Version of the layout below; a register of a later version is refused."""

KEY_BYTES = 32

SCHEMA = "hpo_register"
"""Schema of the tables in PostgreSQL."""

_metadata = sa.MetaData()

about = sa.Table("about", _metadata, sa.Column("version", sa.Integer, nullable=False))

test_parts = sa.Table(
    "test_parts",
    _metadata,
    sa.Column("fingerprint", sa.Text, primary_key=True),
    sa.Column("rows", sa.LargeBinary, nullable=False),
)

openings = sa.Table(
    "openings",
    _metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("fingerprint", sa.Text, sa.ForeignKey("test_parts.fingerprint"), nullable=False),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

secret = sa.Table("secret", _metadata, sa.Column("key", sa.LargeBinary, nullable=False))

signatures = sa.Table(
    "signatures",
    _metadata,
    sa.Column("fingerprint", sa.Text, sa.ForeignKey("test_parts.fingerprint"), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)

cuts = sa.Table(
    "cuts",
    _metadata,
    sa.Column("fingerprint", sa.Text, sa.ForeignKey("test_parts.fingerprint"), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""Which rows of an opened data set are its test part, and by what every row is known again."""

uses = sa.Table(
    "validation_uses",
    _metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("trials", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
"""Searches with the rows that they validated on, as sketches, and the number of their trials."""

parts_with_signatures = sa.select(
    test_parts.c.fingerprint, test_parts.c.rows, signatures.c.content
).select_from(test_parts.outerjoin(signatures))


def beside_a_ledger(engine: sa.Engine) -> sa.Engine:
    """Return the engine, whose tables are in a schema of their own where a database can hold a ledger, too.

    A PostgreSQL database that has been a register since before that keeps its tables where they are.
    """
    if engine.dialect.name != "postgresql" or sa.inspect(engine).has_table(test_parts.name):
        return engine
    if SCHEMA not in sa.inspect(engine).get_schema_names():  # otherwise it needs no right to create one
        with writing(engine) as connection:
            connection.execute(sa.schema.CreateSchema(SCHEMA, if_not_exists=True))
    return engine.execution_options(schema_translate_map={None: SCHEMA})


def laid_out(connection: sa.Connection, location: str) -> bytes:
    """Create the tables or bring an earlier layout up to date, and return the register's secret key.

    Raises:
        UserError: If the register is of a later version.
    """
    _metadata.create_all(connection)
    version = connection.execute(sa.select(about.c.version)).scalar()
    if version is None:
        connection.execute(about.insert().values(version=VERSION))
    elif version > VERSION:
        raise UserError(
            f"the test-use register at {location} was written by a later version of hpo (layout {version}; "
            f"this one knows {VERSION}): update hpo, or name another register in HPO_REGISTER"
        )
    elif version < VERSION:
        connection.execute(about.update().values(version=VERSION))
    key = connection.execute(sa.select(secret.c.key)).scalar()
    if key is None:
        key = secrets.token_bytes(KEY_BYTES)
        connection.execute(secret.insert().values(key=key))
    return bytes(key)
