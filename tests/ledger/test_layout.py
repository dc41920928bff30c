"""A ledger of version 1 gets the chain's columns, keeps its events, and begins a chain with the next one.

One of version 2 gets the tables beside the record.
"""

import subprocess
import sys
import uuid

import pytest
import sqlalchemy as sa

from hpo.core.chain import link_of_all, start_of
from hpo.core.errors import UserError
from hpo.core.events import FinalistsNamed, SearchEnded, SearchOpened
from hpo.core.record import Recorded
from hpo.core.sharing import Claim
from hpo.ledger.claims import Claims
from hpo.ledger.database import engine_of
from hpo.ledger.in_memory import MemoryLedger
from hpo.ledger.requests import STOP_TRIAL, Requests
from hpo.ledger.store import VERSION, LedgerStore

OPENED = SearchOpened(spec={"version": 1}, digest="d", split={}, versions={})


VERSION_2 = [f"DROP TABLE {name}" for name in ("summaries", "leases", "claims", "requests")]
"""What makes a ledger of today one of version 2, with its version."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    return f"sqlite:///{tmp_path / 'ledger.db'}" if request.param == "sqlite" else new_database(request)


def new_database(request):
    """A database of its own, because the layout of all of it is changed."""
    return request.getfixturevalue("postgresql_server").new_database()


@pytest.fixture
def opened(url):
    """Opens the store, again and again."""
    stores = []

    def open_store(*clock):
        stores.append(LedgerStore(url, *clock))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def earlier(url, opened):
    """The URL of a ledger of version 1 with a search of two events, and the search's name."""
    store, name = opened(), f"digits-{uuid.uuid4().hex}"
    store.create("digits", OPENED, name).append([FinalistsNamed((1,))])
    store.close()
    execute(
        url,
        *VERSION_2,
        "ALTER TABLE events DROP COLUMN digest",
        "ALTER TABLE events DROP COLUMN link",
        "UPDATE about SET version = 1",
    )
    return url, name


def execute(url, *statements):
    engine = engine_of(url, keep=False)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def test_its_events_stay_and_have_no_link(earlier, opened):
    _, name = earlier
    record = list(opened().open(name).read())
    assert [recorded.event for recorded in record] == [OPENED, FinalistsNamed((1,))]
    assert [recorded.link for recorded in record] == ["", ""]


def test_the_next_event_begins_a_chain_that_covers_them(earlier, opened):
    _, name = earlier
    ledger = opened().open(name)
    begun, *_ = ledger.append([SearchEnded("stopped"), SearchEnded("done")])
    stored = ledger.stored()
    assert [event.link is not None for event in stored] == [False, False, True, True]
    assert bytes.fromhex(begun.link) == link_of_all(start_of(name), stored[:3])
    assert stored[3].link == link_of_all(start_of(name), stored)


def test_in_memory_a_record_without_links_is_continued_in_the_same_way(earlier, opened):
    _, name = earlier
    ledger = opened().open(name)
    clock = lambda: 5.0  # noqa: E731
    memory = MemoryLedger(record=list(ledger.read()), clock=clock, name=name)
    memory.append([SearchEnded("stopped")])
    memory.append([SearchEnded("done")])
    continued = opened(clock).open(name)
    continued.append([SearchEnded("stopped")])
    continued.append([SearchEnded("done")])
    assert [recorded.link for recorded in memory.read()] == [recorded.link for recorded in continued.read()]
    assert memory.record[-1].link


def test_events_that_an_earlier_version_added_are_covered_by_the_next(url, opened):
    store, name = opened(), f"digits-{uuid.uuid4().hex}"
    ledger = store.create("digits", OPENED, name)
    ledger.append([FinalistsNamed((1,)), FinalistsNamed((2,))])
    execute(url, "UPDATE events SET digest = NULL, link = NULL WHERE seq > 1")
    ledger.append([SearchEnded("done")])
    stored = ledger.stored()
    assert [event.link is None for event in stored] == [False, True, True, False]
    assert stored[-1].link == link_of_all(start_of(name), stored)


def test_a_new_ledger_and_an_upgraded_one_are_of_one_layout(earlier, opened):
    url, _ = earlier
    opened().close()
    engine = engine_of(url, keep=False)
    columns = {column["name"] for column in sa.inspect(engine).get_columns("events")}
    assert columns == {"search", "seq", "time", "kind", "body", "digest", "link"}
    opened().close()
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT version FROM about")).scalars().all() == [VERSION]


@pytest.mark.parametrize("requests", [False, True])
def test_a_ledger_of_version_2_goes_on_with_its_chain_and_is_summarized(requests, url, opened):
    """It has a table of requests if one was ever left."""
    store = opened()
    ledger = store.create("digits", OPENED, "digits")
    ledger.append([FinalistsNamed((1,))])
    before = ledger.stored()
    Requests(ledger).leave("anna", STOP_TRIAL, 4)
    store.close()
    dropped = VERSION_2[:-1] if requests else VERSION_2
    execute(url, *dropped, "UPDATE about SET version = 2")
    again = opened().open("digits")
    assert again.stored() == before
    again.append([SearchEnded("done")])
    assert again.stored()[-1].link == link_of_all(start_of("digits"), again.stored())
    ((name, summary),) = opened().summaries()
    assert (name, summary.status, summary.seq) == ("digits", "done", 3)
    assert len(list(Requests(again).after(0))) == requests


def test_a_ledger_of_version_3_gets_a_table_of_claims(url, opened):
    opened().create("digits", OPENED, "digits")
    execute(url, "DROP TABLE claims", "UPDATE about SET version = 3")
    ledger = opened().open("digits")
    Claims(ledger, "pool").put(Claim(ledger.number, 1, 1))
    assert [recorded.event for recorded in ledger.read()] == [OPENED]


def test_a_ledger_that_an_earlier_process_goes_on_writing_to_is_listed_right(url, opened):
    """It holds its connection while another process changes the layout, and knows of no summaries."""
    ledger = opened().create("digits", OPENED, "digits")
    ledger.append([FinalistsNamed((1,))])
    execute(url, "DELETE FROM summaries")
    ledger.append([SearchEnded("stopped")])
    execute(url, "UPDATE summaries SET seq = 1, body = '{\"seq\": 1}'")
    ((_, summary),) = opened().summaries()
    assert (summary.status, summary.seq) == ("stopped", 3)


def test_a_ledger_of_today_is_opened_without_alembic(tmp_path):
    LedgerStore.at(tmp_path / "ledger.db").close()
    code = (
        "import sys; from pathlib import Path; from hpo.ledger.store import LedgerStore; "
        "LedgerStore.at(Path(sys.argv[1])).close(); assert 'alembic' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "ledger.db"], check=True)


def test_a_later_version_is_refused(url, opened):
    opened().close()
    execute(url, f"UPDATE about SET version = {VERSION + 1}")
    expected = (
        rf"the ledger at \S+ was written by a later version of hpo "
        rf"\(layout {VERSION + 1}; this one knows {VERSION}\): update hpo"
    )
    with pytest.raises(UserError, match=expected):
        opened()


def test_a_record_taken_over_keeps_its_links():
    first = MemoryLedger([OPENED], clock=lambda: 1.0, name="a")
    again = MemoryLedger([SearchEnded("done")], record=first.record, clock=lambda: 2.0, name="a")
    assert isinstance(again.record[0], Recorded)
    assert again.record[0].link == first.record[0].link != ""
