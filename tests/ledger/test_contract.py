"""The contract of every ledger of a search: in memory, in an SQLite file, in a PostgreSQL database.

A further kind of ledger is one line in ``LEDGERS``.
"""

import math
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from hpo.core.chain import digest_of, link_after, start_of
from hpo.core.events import (
    Cause,
    End,
    FinalistsNamed,
    Reported,
    SearchEnded,
    SearchOpened,
    TestClaimed,
    TrialEnded,
)
from hpo.core.record import body_of
from hpo.ledger.in_memory import MemoryLedger
from hpo.ledger.store import LedgerStore

OPENED = SearchOpened(spec={"version": 1}, digest="d", split={}, versions={})
CLAIM = TestClaimed(0, 1, "sha", "someone")
WRITERS, BATCHES = 4, 10


def in_memory(request, clock):
    ledger = MemoryLedger([OPENED], clock=clock, name="digits")
    return lambda: ledger


def in_sqlite(request, clock):
    return in_database(request, clock, f"sqlite:///{request.getfixturevalue('tmp_path') / 'ledger.db'}")


def in_postgresql(request, clock):
    return in_database(request, clock, request.getfixturevalue("postgresql_url"))


def in_database(request, clock, url):
    name = f"digits-{uuid.uuid4().hex}"

    def opened():
        store = LedgerStore(url, clock)
        request.addfinalizer(store.close)
        return store

    opened().create("digits", OPENED, name)
    return lambda: opened().open(name)


LEDGERS = {"memory": in_memory, "sqlite": in_sqlite, "postgresql": in_postgresql}
"""Each returns a function that opens the same search, whose record is ``OPENED``, again."""


class Clock:
    """Counts its calls."""

    now = 100.0

    def __call__(self):
        self.now += 1
        return self.now


@pytest.fixture(params=LEDGERS)
def another(request):
    """A further writer or reader of the same search."""
    return LEDGERS[request.param](request, Clock())


@pytest.fixture
def ledger(another):
    return another()


def finalists(ledger):
    return [recorded.event.trials[0] for recorded in ledger.read(kinds=[FinalistsNamed])]


def test_events_are_read_back_exactly_and_in_order(ledger, another):
    events = [
        Reported(0, 0, 1, {"validation/loss": math.inf, "train/loss": 0.1 + 0.2}, 0.25),
        TrialEnded(0, 0, End.FAILED, 1, -math.inf, Cause.DIVERGED, "loss is inf\nsecond line, in Übergröße"),
        FinalistsNamed((3, 1)),
    ]
    recorded = ledger.append(events)
    assert [each.event for each in recorded] == events
    assert list(another().read(after=1)) == list(ledger.read(after=1)) == recorded


def test_nan_survives(ledger):
    ledger.append([Reported(0, 0, 1, {"validation/loss": math.nan}, math.nan)])
    (_, read) = ledger.read()
    assert math.isnan(read.event.metrics["validation/loss"])
    assert math.isnan(read.event.seconds)


def test_events_are_numbered_from_one_without_gaps(ledger):
    ledger.append([FinalistsNamed((1,)), FinalistsNamed((2,))])
    ledger.append([FinalistsNamed((3,))])
    assert [each.seq for each in ledger.read()] == [1, 2, 3, 4]
    assert next(ledger.read()).event == OPENED


def test_a_batch_has_one_time_and_a_later_one_a_later_time(ledger):
    first, second = ledger.append([FinalistsNamed((1,)), FinalistsNamed((2,))])
    (third,) = ledger.append([FinalistsNamed((3,))])
    assert first.time == second.time < third.time


def test_an_empty_batch_changes_nothing(ledger):
    assert ledger.append([], then=lambda batch: pytest.fail("nothing was committed")) == []
    assert len(list(ledger.read())) == 1


def test_consequences_are_committed_with_their_cause(ledger):
    seen = []

    def then(batch):
        seen.append([each.seq for each in batch])
        last = batch[-1].event.trials[0]
        return [FinalistsNamed((last + 1,))] if last < 3 else []

    recorded = ledger.append([FinalistsNamed((0,)), FinalistsNamed((1,))], then)
    assert seen == [[2, 3], [4], [5]]
    assert [each.seq for each in recorded] == [2, 3, 4, 5]
    assert finalists(ledger) == [0, 1, 2, 3]


def test_if_consequences_cannot_be_decided_nothing_is_committed(ledger, another):
    def then(batch):
        if len(batch) == 1:
            raise ZeroDivisionError
        return [FinalistsNamed((9,))]

    with pytest.raises(ZeroDivisionError):
        ledger.append([FinalistsNamed((1,)), FinalistsNamed((2,))], then)
    assert len(list(another().read())) == 1
    (recorded,) = ledger.append([FinalistsNamed((3,))])
    assert recorded.seq == 2


def test_reading_after_a_number_returns_only_new_events(ledger):
    ledger.append([FinalistsNamed((1,)), FinalistsNamed((2,))])
    assert [each.seq for each in ledger.read(after=2)] == [3]
    assert list(ledger.read(after=3)) == []
    assert list(ledger.read(after=99)) == []


def test_kinds_can_be_selected(ledger):
    ledger.append([FinalistsNamed((1,)), SearchEnded("done"), FinalistsNamed((2,))])
    assert [each.seq for each in ledger.read(kinds=[FinalistsNamed])] == [2, 4]
    assert [each.seq for each in ledger.read(kinds=[FinalistsNamed, SearchEnded])] == [2, 3, 4]
    assert [each.seq for each in ledger.read(after=2, kinds=[SearchOpened, FinalistsNamed])] == [4]


def test_the_test_part_is_claimed_once(ledger, another):
    claim = ledger.claim(CLAIM)
    assert (claim.seq, claim.event) == (2, CLAIM)
    assert another().claim(TestClaimed(1, 2, "other", "someone else")) is None
    assert [each.event for each in ledger.read(kinds=[TestClaimed])] == [CLAIM]
    assert ledger.append([SearchEnded("done")])[0].seq == 3


def test_one_of_many_simultaneous_claims_succeeds(another):
    ledgers = [another() for _ in range(WRITERS)]
    with ThreadPoolExecutor(WRITERS) as pool:
        claims = list(pool.map(lambda ledger: ledger.claim(CLAIM), ledgers))
    assert sum(claim is not None for claim in claims) == 1


def test_batches_of_concurrent_writers_stay_whole_and_none_is_lost(another):
    def write(number):
        ledger = another()
        batches = [[FinalistsNamed((number, batch, k)) for k in range(3)] for batch in range(BATCHES)]
        return [each for batch in batches for each in ledger.append(batch)]

    with ThreadPoolExecutor(WRITERS) as pool:
        written = [each for batches in pool.map(write, range(WRITERS)) for each in batches]
    record = list(another().read(after=1))
    assert [each.seq for each in record] == list(range(2, 2 + 3 * WRITERS * BATCHES))
    assert sorted(written, key=lambda each: each.seq) == record
    for start in range(0, len(record), 3):
        (number, batch, _) = record[start].event.trials
        assert [each.event.trials for each in record[start : start + 3]] == [
            (number, batch, k) for k in range(3)
        ]


def test_a_reader_sees_all_of_a_commit_or_nothing(ledger, another):
    reader = another()
    sizes = []
    ledger.append([FinalistsNamed((1,))], lambda batch: sizes.append(len(list(reader.read()))) or [])
    assert sizes == [1]
    assert len(list(reader.read())) == 2


def test_events_form_a_chain_that_starts_with_the_name(ledger, another):
    ledger.append([FinalistsNamed((1,)), FinalistsNamed((2,))], lambda batch: [])
    ledger.claim(CLAIM)
    another().append([SearchEnded("done")])
    link = start_of(name_of(ledger))
    for recorded in ledger.read():
        event = recorded.event
        link = link_after(link, digest_of(recorded.time, type(event).__name__, body_of(event)))
        assert recorded.link == link.hex()


def test_the_links_given_back_are_those_on_record(ledger):
    added = ledger.append(
        [FinalistsNamed((1,))], lambda batch: [SearchEnded("done")] if batch[0].seq == 2 else []
    )
    assert [each.link for each in added] == [each.link for each in ledger.read(after=1)]
    assert [each.link for each in ledger.read(kinds=[SearchEnded])] == [added[-1].link]


def name_of(ledger):
    return getattr(ledger, "name", "digits")
