"""The keeper takes up what an expired lease shows to be dead, waits longer each time, and gives up."""

import pytest

from hpo.core.events import Reported, SearchEnded, SearchOpened, SearchResumed, TrialStarted
from hpo.core.home import Home
from hpo.core.listening import LOOPBACK, free_port
from hpo.ledger import tables
from hpo.ledger.leases import SearchLease
from hpo.ledger.store import LedgerStore
from hpo.use_cases.keep import ATTEMPTS, Keeper, keep, pause_after, without_progress
from hpo.use_cases.search.lock import create_folder, hold_lock
from hpo.use_cases.search.run_options import DEFAULTS, RunOptions

SPEC = {"trainable": "nowhere:Model", "objective": {"metric": "validation/mse", "mode": "min"}}
OPENED = SearchOpened(SPEC, "d" * 64, {}, {})
RESUMED = SearchResumed({})
STARTED = TrialStarted(0, 0, {}, {}, 0, "sampler")
REPORTED = Reported(0, 0, 1, {"validation/mse": 1.0}, 1.0)


@pytest.fixture
def home(tmp_path):
    return Home.at(tmp_path / "home").create()


@pytest.fixture
def ledger(home):
    """A search whose process died."""
    ledger = LedgerStore.at(home.ledger).create("lost", OPENED)
    SearchLease(ledger, "process 1;a", 60.0).take(DEFAULTS.to_json())
    ledger.append([STARTED])
    expire(ledger)
    create_folder(home.search("lost-1"))
    return ledger


def expire(ledger):
    with ledger.engine.begin() as connection:
        connection.execute(tables.leases.update().values(until=1.0))


def turned(home, times=1):
    """The lines that a keeper shows."""
    lines = []
    keeper = Keeper(home, lines.append)
    for _ in range(times):
        keeper.turn()
    return lines


def test_a_search_that_cannot_be_continued_is_tried_again_only_after_a_pause(home, ledger):
    (line,) = turned(home, times=3)
    assert line.startswith("lost-1: the process of lost-1 ended at once")
    assert [type(recorded.event) for recorded in ledger.read()] == [SearchOpened, TrialStarted]


def test_after_attempts_without_progress_the_search_has_failed(home, ledger):
    ledger.append([RESUMED] * ATTEMPTS)
    reason = "5 attempts to continue it ended without a result; see run.log"
    assert turned(home, times=2) == [f"lost-1: failed: {reason}"]
    end = list(ledger.read())[-1].event
    assert (end.status, end.reason) == ("failed", reason)
    (lease,) = LedgerStore.at(home.ledger).leases()
    assert (lease.released, lease.epoch) == (True, 2)


def test_a_search_waits_for_its_cluster_without_using_up_attempts(home, ledger):
    address = f"127.0.0.1:{free_port(0, LOOPBACK)}"
    SearchLease(ledger, "process 2;b", 60.0).take(RunOptions(address=address).to_json(), force=True)
    expire(ledger)
    (line,) = turned(home, times=ATTEMPTS + 1)
    assert line.startswith(f"lost-1: waits, because there is no Ray cluster to join at '{address}'")


def test_progress_makes_earlier_attempts_count_no_more(ledger):
    ledger.append([RESUMED, RESUMED, REPORTED])
    assert without_progress(ledger) == []
    (second,) = ledger.append([RESUMED])
    assert without_progress(ledger) == [second.time]


def test_pauses_grow_to_a_limit():
    assert [pause_after(attempts) for attempts in (1, 2, 3, 20)] == [5.0, 10.0, 20.0, 300.0]


def test_a_search_that_runs_that_ended_or_was_given_back_is_left_alone(home, ledger):
    with hold_lock(home.search("lost-1"), "lost-1"):
        assert turned(home) == []
    ledger.append([SearchEnded("failed", "a reason")])
    assert turned(home) == []
    ledger.append([RESUMED])
    lease = SearchLease(ledger, "process 2;b", 60.0)
    lease.take(DEFAULTS.to_json())
    assert turned(home) == []
    lease.release()
    assert turned(home) == []


def test_it_goes_on_after_a_ledger_that_cannot_be_read_and_says_so_once(home):
    home.ledger.write_bytes(b"not a database at all, but long enough to be looked at" * 40)
    lines, turns = [], iter([False, False, True])
    keep(home, lines.append, 0.0, lambda seconds: next(turns))
    (line,) = lines
    assert "is damaged" in line


def test_a_search_whose_files_are_elsewhere_is_left_alone(home, ledger):
    home.search("lost-1").root.rmdir()
    ledger.append([RESUMED] * ATTEMPTS)
    assert turned(home) == []


def test_an_empty_home_is_left_alone(tmp_path):
    assert turned(Home.at(tmp_path / "nothing")) == []
    assert not (tmp_path / "nothing").exists()
