"""Who may run a search: by its lock in a home of its own, by its lease where a ledger is shared."""

import pytest

from hpo.core.errors import ClusterLost, HpoError, LeaseLost, NoCluster, Refused, UserError
from hpo.core.events import FinalistsNamed, SearchOpened, SearchResumed
from hpo.core.home import Home
from hpo.ledger import tables
from hpo.ledger.leases import SearchLease
from hpo.ledger.store import LedgerStore
from hpo.use_cases.search.holding import (
    held,
    is_running,
    release,
    require_running,
    running_searches,
    take_new,
)
from hpo.use_cases.search.run_options import DEFAULTS, RunOptions

OPENED = SearchOpened({}, "d", {}, {})


@pytest.fixture(params=["own", "shared"])
def home(request, tmp_path, monkeypatch):
    if request.param == "shared":
        monkeypatch.setenv("HPO_LEDGER", f"sqlite:///{tmp_path / 'team.db'}")
    return Home.at(tmp_path / "home").create()


@pytest.fixture
def short(monkeypatch):
    """Leases of a second."""
    monkeypatch.setenv("HPO_LEASE_SECONDS", "1")


def opened(home):
    store = LedgerStore.of(home)
    return store.create("one", OPENED, None, lambda *new: take_new(DEFAULTS, *new))


def reopened(home):
    return LedgerStore.of(home).open("one-1")


def lease_of(home):
    (lease,) = LedgerStore.of(home).leases()
    return lease


def test_a_search_runs_while_it_is_held(home):
    ledger = opened(home)
    with held(home, ledger, new=True) as hold:
        hold.begin(RunOptions(unseal=False))
        assert is_running(home, "one-1")
        assert running_searches(home, LedgerStore.of(home), ["one-1"]) == {"one-1"}
        require_running(home, "one-1")
        assert RunOptions.of_json(lease_of(home).options) == RunOptions(unseal=False)
        ledger.append([FinalistsNamed((1,))])
    assert not is_running(home, "one-1")


@pytest.mark.parametrize(
    ("error", "released"),
    [(ClusterLost("gone"), False), (NoCluster("not yet"), False), (HpoError("a fault"), True)],
)
def test_a_search_without_its_cluster_leaves_its_lease_to_expire_for_a_keeper(home, error, released):
    ledger = opened(home)

    def run():
        with held(home, ledger, new=True) as hold:
            hold.begin(DEFAULTS)
            raise error

    with pytest.raises(type(error)):
        run()
    assert lease_of(home).released == released


def test_attempts_are_counted_from_the_first_process_that_runs_the_search(home):
    ledger = opened(home)
    for attempt in (1, 2, 3):
        with held(home, ledger, new=attempt == 1) as hold:
            hold.begin(DEFAULTS)
            assert hold.attempt == attempt
        ledger = reopened(home)
    assert lease_of(home).released
    with pytest.raises(UserError, match="one-1 is not running"):
        require_running(home, "one-1")


def test_who_has_just_opened_a_search_does_not_wait(home, monkeypatch):
    monkeypatch.setenv("HPO_LEASE_SECONDS", "3600")
    ledger = opened(home)
    with held(home, ledger, new=True) as hold:
        hold.begin(DEFAULTS)
    release(ledger)
    with held(home, reopened(home)) as hold:
        hold.begin(DEFAULTS, [SearchResumed({})])
    assert lease_of(home).epoch == 3


def test_a_held_search_is_refused(home, short):
    with held(home, opened(home), new=True) as hold:
        hold.begin(DEFAULTS)
        with pytest.raises(Refused, match="one-1 is being run by process"), held(home, reopened(home)):
            pass
        hold.require()


def test_a_lease_that_is_no_longer_renewed_is_awaited(home, short):
    """Of a process that died a moment ago."""
    opened(home)
    with held(home, reopened(home)) as hold:
        hold.begin(DEFAULTS, [SearchResumed({})], after=1)
        assert lease_of(home).epoch == 2


def test_the_lease_is_renewed_as_long_as_the_search_is_held(home, short):
    with held(home, opened(home), new=True) as hold:
        hold.begin(DEFAULTS)
        first = end_of(home)
        while end_of(home) == first:
            pass
        assert lease_of(home).is_held


def end_of(home):
    with LedgerStore.of(home).open("one-1").engine.connect() as connection:
        return connection.execute(tables.leases.select()).one().until


def require_again_and_again(hold):
    while True:
        hold.require()


def test_a_process_that_lost_a_search_is_informed_and_takes_nothing_back(home, short):
    ledger = opened(home)
    with held(home, ledger, new=True) as hold:
        hold.begin(DEFAULTS)
        SearchLease(reopened(home), "process 2;b", 60.0).take("{}", force=True)
        with pytest.raises(LeaseLost, match="one-1 is run by another process"):
            ledger.append([FinalistsNamed((1,))])
        with pytest.raises(LeaseLost):
            require_again_and_again(hold)
    assert (lease_of(home).holder, lease_of(home).is_held) == ("process 2", True)
