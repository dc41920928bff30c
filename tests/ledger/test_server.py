"""A ledger on a database server: searches do not wait for each other, and a restart costs no event."""

import threading

import pytest
import sqlalchemy as sa

from hpo.core.errors import HpoError, UserError
from hpo.core.events import FinalistsNamed, Reported, SearchEnded, SearchOpened, TestClaimed
from hpo.ledger import reconnecting
from hpo.ledger.database import writing
from hpo.ledger.requests import STOP_TRIAL, Requests
from hpo.ledger.store import LedgerStore

OPENED = SearchOpened({}, "d", {}, {})
ROUNDS = 3


@pytest.fixture
def url(postgresql_server):
    return postgresql_server.new_database()


def cut_off(url):
    """End every other connection to a database, as an administrator can."""
    engine = sa.create_engine(url.replace("postgresql:", "postgresql+psycopg:"), poolclass=sa.pool.NullPool)
    with engine.connect() as connection:
        others = "datname = current_database() AND pid <> pg_backend_pid()"
        connection.execute(sa.text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))


def numbers(ledger):
    return [recorded.event.trials[0] for recorded in ledger.read(kinds=[FinalistsNamed])]


def test_a_writer_waits_for_no_writer_of_another_search(ledger, opened):
    other = opened().create("two", OPENED)
    with writing(ledger.engine, ledger.number):
        other.append([SearchEnded("done")])
        Requests(other).leave("anna", STOP_TRIAL, 1)
        opened().create("three", OPENED)
    assert [type(recorded.event) for recorded in other.read()] == [SearchOpened, SearchEnded]


def test_after_its_connection_is_cut_a_ledger_reads_and_writes_on(ledger, url):
    cut_off(url)
    ledger.append([FinalistsNamed((1,))])
    cut_off(url)
    assert numbers(ledger) == [1]
    cut_off(url)
    assert Requests(ledger).last == 0


def test_events_that_were_decided_are_not_decided_again(ledger, url, opened):
    decided = []

    def then(batch):
        decided.append([recorded.seq for recorded in batch])
        if len(decided) > 1:
            return []
        cut_off(url)
        return [FinalistsNamed((2,))]

    added = ledger.append([FinalistsNamed((1,))], then)
    assert decided == [[2], [3]]
    assert list(opened().open("one-1").read(after=1)) == added
    assert numbers(ledger) == [1, 2]


def at_an_insertion(ledger, moment, then):
    """Have something done once, before or after a message that inserts events."""

    def listen(connection, cursor, statement, *_):
        if statement.startswith(("INSERT INTO events", 'INSERT INTO "events"')):
            sa.event.remove(ledger.engine, moment, listen)
            then(cursor)

    sa.event.listen(ledger.engine, moment, listen)


def test_a_report_waits_for_the_server_twice(ledger):
    reports = [Reported(0, 0, epoch, {"validation/loss": 0.5}, 1.0) for epoch in (1, 2, 3)]
    ledger.append(reports[:1])
    sent = []
    sa.event.listen(ledger.engine, "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    ledger.append(reports[1:])
    assert [statement.split()[0] for statement in sent] == ["BEGIN;", "INSERT"]
    assert sent[1].endswith("; COMMIT")
    assert [recorded.event for recorded in ledger.read(kinds=[Reported])] == reports


HOSTILE = ('50 % of it\'s \\ a "line"; DROP TABLE events; -- %s', "é\n\t\U0001f600", "")


@pytest.mark.parametrize("text", HOSTILE)
def test_any_text_is_written_as_it_is(ledger, text):
    ledger.append([SearchEnded("failed", text)])
    assert [recorded.event.reason for recorded in ledger.read(kinds=[SearchEnded])] == [text]


@pytest.mark.parametrize("write", ["append", "claim"])
def test_a_commit_that_was_not_confirmed_is_not_repeated(write, ledger, url):

    def lose_the_answer(cursor):
        cut_off(url)
        cursor.execute("SELECT 1")

    at_an_insertion(ledger, "after_cursor_execute", lose_the_answer)
    if write == "append":
        (added,) = ledger.append([FinalistsNamed((1,))])
    else:
        added = ledger.claim(TestClaimed(0, 1, "sha", "anna"))
    assert list(ledger.read(after=1)) == [added]
    ledger.append([SearchEnded("done")])
    assert [recorded.seq for recorded in ledger.read()] == [1, 2, 3]


def test_events_are_refused_if_another_process_wrote_while_they_were_cut_off(ledger, url, opened):
    other = opened().open("one-1")

    def cut_and_overtake(_):
        cut_off(url)
        other.append([FinalistsNamed((9,))])

    at_an_insertion(ledger, "before_cursor_execute", cut_and_overtake)
    with pytest.raises(HpoError, match="one-1 was changed while the connection to its ledger was lost"):
        ledger.append([FinalistsNamed((1,))])
    assert numbers(ledger) == [9]


def test_a_server_that_stays_away_is_an_error(ledger, postgresql_server, monkeypatch):
    monkeypatch.setattr(reconnecting, "PATIENCE", 0.0)
    postgresql_server.kill()
    try:
        with pytest.raises(HpoError, match=r"the ledger at .* cannot be used"):
            ledger.append([FinalistsNamed((1,))])
    finally:
        postgresql_server.start()


def test_restarts_of_the_server_lose_and_double_no_event(postgresql_server, ledger, opened):
    """A writer goes on while the server is killed and started again."""
    done, written = threading.Event(), []

    def write():
        while not done.is_set():
            written.extend(ledger.append([FinalistsNamed((len(written),)), FinalistsNamed((-1,))]))

    writer = threading.Thread(target=write)
    writer.start()
    for _ in range(ROUNDS):
        before = len(written)
        while len(written) < before + 20:
            writer.join(0.01)
        postgresql_server.kill()
        postgresql_server.start()
    done.set()
    writer.join()
    assert list(opened().open("one-1").read(after=1)) == written
    assert len(written) >= 20 * ROUNDS


def test_a_database_that_does_not_exist_is_a_mistake_in_the_address(url):
    missing = url.replace("/test_", "/missing_")
    with pytest.raises(UserError, match=r"the ledger at .*missing_.* cannot be reached: .*does not exist"):
        LedgerStore(missing)
