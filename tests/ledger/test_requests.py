"""Requests reach the process that runs a search: all of them, in order, and none of another search's."""

import pytest

from hpo.core.events import SearchOpened
from hpo.ledger.requests import STOP_TRIAL, Requests
from hpo.ledger.store import LedgerStore

OPENED = SearchOpened({}, "d", {}, {})


@pytest.fixture(params=["sqlite", "postgresql"])
def stores(request, tmp_path):
    """Opens the same database again."""
    file = f"sqlite:///{tmp_path / 'ledger.db'}"
    url = file if request.param == "sqlite" else request.getfixturevalue("postgresql_url")
    opened = []

    def store():
        opened.append(LedgerStore(url))
        return opened[-1]

    yield store
    for each in opened:
        each.close()


def test_later_requests_of_the_search_are_read_in_order(stores):
    running, other = stores().create("one", OPENED), stores().create("two", OPENED)
    inbox = Requests(running)
    assert inbox.last == 0
    outside = Requests(stores().open(running.name))
    outside.leave("anna", "budget.trials", 40)
    Requests(other).leave("ben", STOP_TRIAL, 1)
    seen = inbox.last
    outside.leave("anna", STOP_TRIAL, 3)
    outside.leave("ben", STOP_TRIAL, 4)
    assert [(r.user, r.field, r.value) for r in inbox.after(0)] == [
        ("anna", "budget.trials", 40),
        ("anna", STOP_TRIAL, 3),
        ("ben", STOP_TRIAL, 4),
    ]
    assert [request.value for request in inbox.after(seen)] == [3, 4]
    assert list(inbox.after(inbox.last)) == []


def test_requests_are_no_part_of_the_record(stores):
    ledger = stores().create("one", OPENED)
    Requests(ledger).leave("anna", STOP_TRIAL, 3)
    assert [recorded.event for recorded in ledger.read()] == [OPENED]
