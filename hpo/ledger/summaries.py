"""The summary of each search, stored in the transaction of the events that it shows.

A stored summary covers the events up to a position; those after it, such as the latest trials of a search
that runs, are added when it is read. So it is right whatever wrote the events, and most trials write none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from hpo.core.record import Recorded
from hpo.core.search_summary import OFTEN, SearchSummary
from hpo.ledger.tables import events, searches, summaries

MOST_AFTER = 256
"""Most events of trials that a stored summary may lack; reading them takes a few milliseconds."""


@dataclass(frozen=True, slots=True)
class StoredSummary:
    """A search with its summary as stored.

    Attributes:
        name: Name of the search.
        search: Its number in the database.
        last: Position of its last event.
        summary: Its summary, which may cover fewer events; covers none if it is missing or unreadable.
    """

    name: str
    search: int
    last: int
    summary: SearchSummary


def is_due(summary: SearchSummary, added: Sequence[Recorded], covered: int) -> bool:
    """Return whether a summary has to be written together with events.

    Args:
        summary: The summary after the events.
        added: The events.
        covered: Number of events that the stored summary covers.
    """
    return summary.seq - covered > MOST_AFTER or any(not isinstance(new.event, OFTEN) for new in added)


def store(connection: sa.Connection, search: int, summary: SearchSummary) -> None:
    """Write a search's summary inside the caller's transaction."""
    statement = _upsert_sqlite if connection.dialect.name == "sqlite" else _upsert_postgresql
    connection.execute(statement, {"search": search, "seq": summary.seq, "body": summary.to_json()})


def load(connection: sa.Connection, search: int | None = None) -> list[StoredSummary]:
    """Return the searches with their summaries as stored, oldest first; or one of them by its number."""
    query = _stored if search is None else _stored.where(searches.c.id == search)
    return [
        StoredSummary(row.name, row.id, row.last or 0, _readable(row.body, row.last or 0))
        for row in connection.execute(query)
    ]


def _readable(body: str | None, last: int) -> SearchSummary:
    """Return a stored summary; one of no events if it is missing, unreadable, or ahead of the record."""
    try:
        summary = SearchSummary.of_json(body or "{}")
    except (ValueError, TypeError):
        return SearchSummary()
    return summary if summary.seq <= last else SearchSummary()


_last = sa.select(sa.func.max(events.c.seq)).where(events.c.search == searches.c.id).scalar_subquery()
_stored = (
    sa.select(searches.c.id, searches.c.name, summaries.c.body, _last.label("last"))
    .select_from(searches.outerjoin(summaries, summaries.c.search == searches.c.id))
    .order_by(searches.c.id)
)
_new_sqlite, _new_postgresql = sqlite.insert(summaries), postgresql.insert(summaries)
_upsert_sqlite = _new_sqlite.on_conflict_do_update(
    index_elements=["search"], set_={"seq": _new_sqlite.excluded.seq, "body": _new_sqlite.excluded.body}
)
_upsert_postgresql = _new_postgresql.on_conflict_do_update(
    index_elements=["search"],
    set_={"seq": _new_postgresql.excluded.seq, "body": _new_postgresql.excluded.body},
)
