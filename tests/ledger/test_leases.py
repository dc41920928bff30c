"""One process at a time may write to the record of a search that it runs, and a late one writes nothing."""

import pytest
import sqlalchemy as sa

from hpo.core.errors import LeaseLost, Refused, UserError
from hpo.core.events import FinalistsNamed, SearchOpened, SearchResumed, TestClaimed
from hpo.ledger import tables
from hpo.ledger.database import writing
from hpo.ledger.leases import SearchLease, lease_seconds
from hpo.ledger.store import LedgerStore

OPENED = SearchOpened({}, "d", {}, {})
SEALED = '{"unseal": false}'
DEFAULT = "{}"


@pytest.fixture
def other(ledger, opened):
    """The same search in another process."""
    return opened().open(ledger.name)


def lease_of(ledger, holder="process 1;a", seconds=60.0):
    return SearchLease(ledger, holder, seconds)


def expire(ledger):
    """Let the lease end a moment ago."""
    with ledger.engine.begin() as connection:
        connection.execute(tables.leases.update().values(until=1.0))


def kinds(ledger):
    return [type(recorded.event).__name__ for recorded in ledger.read()]


def test_a_search_has_no_lease_before_one_is_taken(ledger, opened):
    assert lease_of(ledger).state() is None
    assert opened().leases() == []


def test_taking_it_is_on_record_with_who_holds_it_and_how_the_search_is_run(ledger, opened):
    lease_of(ledger).take(SEALED, [SearchResumed({})])
    (lease,) = opened().leases()
    assert (lease.search, lease.epoch, lease.holder, lease.options) == ("one-1", 1, "process 1", SEALED)
    assert lease.is_held
    assert not lease.is_expired
    assert 55 < lease.left <= 60
    assert kinds(ledger) == ["SearchOpened", "SearchResumed"]


def test_a_search_can_be_opened_together_with_its_lease(opened):
    store = opened()
    ledger = store.create("one", OPENED, None, lambda c, new: lease_of(new).take_new(c, SEALED))
    ledger.append([FinalistsNamed((1,))])
    (lease,) = store.leases()
    assert (lease.epoch, lease.is_held, lease.options) == (1, True, SEALED)


def test_another_process_is_refused_until_it_expires(ledger, other):
    lease_of(ledger).take(DEFAULT)
    with pytest.raises(Refused, match="one-1 is being run by process 1"):
        lease_of(other, "process 2;b").take(DEFAULT, [SearchResumed({})])
    assert kinds(other) == ["SearchOpened"]
    expire(ledger)
    assert lease_of(other).state().is_expired
    lease_of(other, "process 2;b").take(DEFAULT, [SearchResumed({})])
    assert (lease_of(other).state().epoch, lease_of(other).state().holder) == (2, "process 2")
    assert kinds(other) == ["SearchOpened", "SearchResumed"]


def test_one_that_was_given_back_is_free_at_once_and_not_expired(ledger, other):
    first = lease_of(ledger)
    first.take(DEFAULT)
    first.release()
    state = first.state()
    assert (state.is_held, state.is_expired, state.released) == (False, False, True)
    lease_of(other, "process 2;b").take(DEFAULT)
    first.release()
    assert lease_of(other).state().is_held


def test_a_process_that_lost_its_lease_writes_nothing_more(ledger, other):
    first = lease_of(ledger)
    first.take(DEFAULT)
    ledger.append([FinalistsNamed((1,))])
    expire(ledger)
    lease_of(other, "process 2;b").take(DEFAULT, [SearchResumed({})])
    before = list(other.read())
    lost = []
    for write in (
        lambda: ledger.append([FinalistsNamed((2,))], lambda batch: lost.append(batch) or []),
        lambda: ledger.claim(TestClaimed(0, 1, "sha", "anna")),
    ):
        with pytest.raises(LeaseLost, match="one-1 is run by another process"):
            write()
    assert lost == []
    assert list(other.read()) == before
    assert not first.renew()
    other.append([FinalistsNamed((3,))])


def test_who_holds_none_may_write_beside_a_search_that_runs(ledger, other):
    """The user's own commands, such as a prediction on test rows."""
    lease_of(ledger).take(DEFAULT)
    other.append([FinalistsNamed((1,))])
    ledger.append([FinalistsNamed((2,))])
    assert kinds(other) == ["SearchOpened", "FinalistsNamed", "FinalistsNamed"]


def test_an_expired_lease_that_was_not_taken_can_be_renewed(ledger):
    lease = lease_of(ledger)
    lease.take(DEFAULT)
    expire(ledger)
    assert lease.renew()
    assert lease.state().is_held
    ledger.append([FinalistsNamed((1,))])


def test_it_is_not_taken_if_the_record_has_gone_on(ledger, other):
    other.append([FinalistsNamed((1,))])
    with pytest.raises(Refused, match="another process wrote to the record of one-1"):
        lease_of(ledger).take(DEFAULT, [SearchResumed({})], after=1)
    assert lease_of(ledger).state() is None
    lease_of(ledger).take(DEFAULT, [SearchResumed({})], after=2)
    assert kinds(ledger)[-1] == "SearchResumed"


def test_one_who_knows_that_the_holder_ended_need_not_wait(ledger, other):
    lease_of(ledger).take(DEFAULT)
    lease_of(other, "process 2;b").take(DEFAULT, force=True)
    assert lease_of(other).state().epoch == 2
    with pytest.raises(LeaseLost):
        ledger.append([FinalistsNamed((1,))])


def test_a_renewal_does_not_wait_for_appends(postgresql_server):
    store = LedgerStore(postgresql_server.new_database())
    ledger = store.create("one", OPENED)
    lease = lease_of(ledger)
    lease.take(DEFAULT)
    with writing(ledger.engine, ledger.number) as connection:
        connection.execute(sa.text("SELECT 1"))
        assert lease.renew()
    store.close()


@pytest.mark.parametrize(("text", "seconds"), [("", 15.0), ("2.5", 2.5), (" 60 ", 60.0)])
def test_its_length_can_be_set(text, seconds):
    assert lease_seconds({"HPO_LEASE_SECONDS": text}) == seconds


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan", "1e9"])
def test_another_length_is_refused(text):
    with pytest.raises(UserError, match=r"HPO_LEASE_SECONDS=.*legal: a number of seconds from 1 to 3600"):
        lease_seconds({"HPO_LEASE_SECONDS": text})
