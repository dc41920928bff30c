"""Summaries are right for every writer, stored with the events, and computed again when they are lost."""

import pytest
import sqlalchemy as sa

from hpo.core.events import (
    Checkpointed,
    End,
    FinalistsNamed,
    Reported,
    SearchEnded,
    SearchOpened,
    TrialEnded,
    TrialStarted,
)
from hpo.core.search_summary import SearchSummary
from hpo.ledger import summaries, tables
from hpo.ledger.rescue import rescue_database
from hpo.ledger.store import LedgerStore

SPEC = {"objective": {"metric": "loss", "mode": "min"}}
OPENED = SearchOpened(SPEC, "d", {}, {}, user="anna")
STARTED = TrialStarted(0, 0, {}, {}, 0, "sampler")
ENDED = TrialEnded(0, 0, End.FINISHED, 3, 0.5)


def reported(epoch):
    return Reported(0, 0, epoch, {"validation/loss": 0.5}, 2.0)


@pytest.fixture
def opened(url):
    """Opens the same database, again and again."""
    stores = []

    def open_store():
        stores.append(LedgerStore(url, lambda: 100.0))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()


def summary_of(store, name="one-1"):
    return dict(store.summaries())[name]


def text_of(store):
    """The summary as text, because NaN does not equal itself."""
    return summary_of(store).to_json()


def stored_seq(ledger):
    with ledger.engine.connect() as connection:
        (stored,) = summaries.load(connection, ledger.number)
    return stored.summary.seq


def whole(ledger):
    return SearchSummary().after(ledger.read()).to_json()


def test_a_summary_is_stored_with_what_it_shows_and_trials_are_added_when_it_is_read(opened):
    store = opened()
    ledger = store.create("one", OPENED)
    ledger.append([STARTED, reported(1), Checkpointed(0, 0, 1, "f", "s")])
    assert stored_seq(ledger) == 1
    assert summary_of(opened()).trained == 2.0
    ledger.append([reported(2), ENDED])
    assert text_of(opened()) == whole(ledger)
    ledger.append([FinalistsNamed((0,))])
    assert stored_seq(ledger) == 7
    assert text_of(opened()) == whole(ledger)
    assert (summary_of(store).user, summary_of(store).best, summary_of(store).trained) == ("anna", 0.5, 4.0)


def test_trials_alone_are_stored_now_and_then(opened):
    ledger = opened().create("one", OPENED)
    for epoch in range(summaries.MOST_AFTER + 1):
        ledger.append([reported(epoch)])
    assert stored_seq(ledger) == summaries.MOST_AFTER + 2


@pytest.mark.parametrize(("more", "stored"), [(-1, 0), (0, summaries.MOST_AFTER + 1)])
def test_a_summary_that_is_far_behind_is_stored_when_it_is_read(opened, more, stored):
    """As in a ledger that an earlier version wrote, which has none."""
    ledger = opened().create("one", OPENED)
    ledger.append([reported(epoch) for epoch in range(summaries.MOST_AFTER + more)])
    with ledger.engine.begin() as connection:
        connection.execute(tables.summaries.delete().where(tables.summaries.c.search == ledger.number))
    again = opened().open("one-1")
    assert again.summary().to_json() == whole(ledger)
    assert stored_seq(ledger) == stored


def test_the_summaries_of_two_writers_are_one(opened):
    first = opened().create("one", OPENED)
    second = opened().open("one-1")
    for number in range(3):
        for ledger in (first, second):
            ledger.append([TrialStarted(2 * number + (ledger is second), 0, {}, {}, 0, "sampler")])
    assert summary_of(opened()).trials == 6
    second.append([FinalistsNamed((0,))])
    assert stored_seq(first) == 8
    assert text_of(opened()) == whole(first)


def test_what_is_not_committed_is_not_shown(opened):
    ledger = opened().create("one", OPENED)

    def fail(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ledger.append([STARTED], fail)
    ledger.append([SearchEnded("stopped")])
    shown = summary_of(opened())
    assert (shown.seq, shown.trials, shown.status) == (2, 0, "stopped")


@pytest.mark.parametrize("body", ["{", '{"seq": 99}', "[]", None])
def test_a_summary_that_is_lost_or_spoilt_is_computed_again(body, opened):
    ledger = opened().create("one", OPENED)
    ledger.append([STARTED, reported(1), ENDED])
    before = text_of(opened())
    with ledger.engine.begin() as connection:
        lost = tables.summaries.delete() if body is None else tables.summaries.update().values(body=body)
        connection.execute(lost)
    assert text_of(opened()) == before
    ledger.append([SearchEnded("done")])
    assert text_of(opened()) == whole(ledger)
    assert stored_seq(ledger) == 5


def test_a_rescue_writes_the_summary_again(tmp_path):
    path = tmp_path / "ledger.db"
    store = LedgerStore.at(path)
    ledger = store.create("one", OPENED)
    ledger.append([STARTED, reported(1), ENDED])
    before = summary_of(store)
    with ledger.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM summaries"))
    store.close()
    rescue_database(path)
    again = LedgerStore.at(path)
    rescued = again.open("one-1")
    assert stored_seq(rescued) == 5  # with the event of the rescue
    shown = summary_of(again)
    assert (shown.trials, shown.best, shown.trained, shown.user) == (before.trials, 0.5, 2.0, "anna")
    again.close()
