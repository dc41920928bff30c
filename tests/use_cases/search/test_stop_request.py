"""A search that runs on another machine is stopped at any stage of it, before its test part is opened."""

import pytest

from hpo.core.events import SearchOpened
from hpo.core.home import Home
from hpo.ledger.requests import STOP, Requests
from hpo.ledger.store import LedgerStore
from hpo.use_cases.search.request_inbox import RequestInbox
from hpo.use_cases.search.signals import Signals
from hpo.use_cases.search.stop_request import StopRequest


@pytest.fixture
def home(tmp_path):
    return Home.at(tmp_path / "home").create()


@pytest.fixture
def ledger(home):
    return LedgerStore.of(home).create("one", SearchOpened({}, "d", {}, {}), "one")


def test_a_request_of_an_earlier_run_is_over(home, ledger):
    Requests(ledger).leave("anna", STOP, 1)
    assert not StopRequest(home, ledger, Signals()).asked()


def test_a_request_in_the_ledger_is_seen_where_no_training_runs(home, ledger):
    request = StopRequest(home, ledger, Signals())
    Requests(ledger).leave("anna", "priority", 2)
    assert not request.asked()
    Requests(ledger).leave("anna", STOP, 1)
    assert request.asked()


def test_a_signal_or_a_file_in_the_home_is_seen_too(home, ledger):
    signals = Signals()
    by_signal, by_file = StopRequest(home, ledger, signals), StopRequest(home, ledger, Signals())
    signals.received = 15
    assert by_signal.asked()
    assert not by_file.asked()
    home.search("one").root.mkdir(parents=True)
    home.search("one").stop_request.touch()
    assert by_file.asked()


def test_what_is_requested_while_workers_start_is_taken_up_by_the_trainings(home, ledger):
    request, stops = StopRequest(home, ledger, Signals()), []
    Requests(ledger).leave("anna", STOP, 1)
    inbox = RequestInbox(ledger, request.before, None, None, None, lambda: stops.append("stop"))
    inbox.poll(None)
    assert stops == ["stop"]
