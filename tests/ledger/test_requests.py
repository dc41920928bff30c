"""Requests reach the process that runs a search: all of them, in order, and none of another search's."""

import pytest

from hpo.core.events import SearchOpened
from hpo.ledger.requests import STOP_TRIAL, Requests

OPENED = SearchOpened({}, "d", {}, {})


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_url")
    return f"sqlite:///{tmp_path / 'ledger.db'}"


def test_later_requests_of_the_search_are_read_in_order(opened):
    running, other = opened().create("one", OPENED), opened().create("two", OPENED)
    inbox = Requests(running)
    assert inbox.last == 0
    outside = Requests(opened().open(running.name))
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


def test_requests_are_not_part_of_the_record(opened):
    ledger = opened().create("one", OPENED)
    Requests(ledger).leave("anna", STOP_TRIAL, 3)
    assert [recorded.event for recorded in ledger.read()] == [OPENED]
