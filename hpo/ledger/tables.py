"""The tables of a ledger's database."""

from __future__ import annotations

import sqlalchemy as sa

VERSION = 4
"""Version of the tables below; a ledger of a later version is refused.

Events of version 1 had no chain. Such a ledger gets its columns when it is next opened; a search begins
its chain with the next event that is written to it, whose link covers the earlier events as they are then.
Version 3 added summaries, leases and requests, version 4 claims. See `hpo.ledger.migrations`.
"""

record = sa.MetaData()
"""What cannot be computed from anything else, in the order in which version 2 laid it out."""

about = sa.Table("about", record, sa.Column("version", sa.Integer, nullable=False))

searches = sa.Table(
    "searches",
    record,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
)

events = sa.Table(
    "events",
    record,
    sa.Column("search", sa.Integer, sa.ForeignKey("searches.id"), primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("digest", sa.LargeBinary),
    sa.Column("link", sa.LargeBinary),
)

# One claim per search, even if several processes try at once: the database refuses the second.
one_claim = sa.Index(
    "one_claim_per_search",
    events.c.search,
    unique=True,
    sqlite_where=events.c.kind == "TestClaimed",
    postgresql_where=events.c.kind == "TestClaimed",
)

beside = sa.MetaData()
"""What can be lost without losing the record of a search."""

summaries = sa.Table(
    "summaries",
    beside,
    sa.Column("search", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

leases = sa.Table(
    "leases",
    beside,
    sa.Column("search", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("epoch", sa.Integer, nullable=False),
    sa.Column("until", sa.Float, nullable=False),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("attempt", sa.Text, nullable=False),
)

claims = sa.Table(
    "claims",
    beside,
    sa.Column("search", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("pool", sa.Text, nullable=False),
    sa.Column("demand", sa.Integer, nullable=False),
    sa.Column("room", sa.Integer, nullable=False),
    sa.Column("priority", sa.Integer, nullable=False),
    sa.Column("weight", sa.Integer, nullable=False),
)

requests = sa.Table(
    "requests",
    beside,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("search", sa.Text, nullable=False, index=True),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("field", sa.Text, nullable=False),
    sa.Column("value", sa.Integer, nullable=False),
)
