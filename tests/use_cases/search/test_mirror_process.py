"""One mirror of a search at a time, wherever it was started."""

import os
import signal

import pytest
from filelock import Timeout

from hpo.core.errors import Refused
from hpo.core.events import SearchOpened
from hpo.core.home import Home
from hpo.ledger.store import LedgerStore
from hpo.tracking.mirror_progress import load_progress
from hpo.use_cases.mirror import mirror_search
from hpo.use_cases.search import mirror_process
from tests.use_cases.recorded_search import recorded, won


def test_a_second_mirror_waits_and_then_gives_up_with_a_message(tmp_path, monkeypatch):
    monkeypatch.setattr(mirror_process, "RETRY", 0.01)
    home = Home.at(tmp_path / "home").create()
    store = LedgerStore.at(home.ledger)
    name = store.create("digits", SearchOpened({}, "d", {}, {})).name
    store.close()
    folder = home.search(name)
    folder.root.mkdir(parents=True)
    with mirror_process.writer_lock(folder):
        with pytest.raises(Timeout), mirror_process.writer_lock(folder):
            pass
        with pytest.raises(Refused, match="keeps MLflow up to date itself"):
            mirror_search(name, home=home)
    with mirror_process.writer_lock(folder):
        pass


def events_of(home):
    """Number of events on record."""
    store = LedgerStore.at(home.ledger)
    events = list(store.open("digits").read())
    store.close()
    return len(events)


def test_a_mirror_that_is_killed_starts_again_and_copies_everything(tmp_path, monkeypatch):
    monkeypatch.setattr(mirror_process, "RESTART", 0.05)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    home = recorded(tmp_path, won())
    home.search("digits").root.mkdir(parents=True)
    mirror = mirror_process.MirrorProcess(home, "digits")
    killed = set()
    for _ in range(3):  # at whatever it is doing
        killed.add(mirror.pid)
        os.kill(mirror.pid, signal.SIGKILL)
        while mirror.pid in killed:
            os.sched_yield()
    mirror.finish(120)
    assert mirror.pid not in killed
    assert load_progress(home.search("digits")).position == events_of(home)


def test_a_mirror_that_is_killed_as_the_search_ends_copies_what_is_left(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    home = recorded(tmp_path, won())
    home.search("digits").root.mkdir(parents=True)
    mirror = mirror_process.MirrorProcess(home, "digits")
    os.kill(mirror.pid, signal.SIGKILL)
    mirror.finish(120)
    assert load_progress(home.search("digits")).position == events_of(home)
