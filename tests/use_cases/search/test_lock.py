"""Holding a search is distinguished from checking whether it is held."""

import fcntl
import threading

import pytest

from hpo.core.errors import Refused
from hpo.core.home import Home
from hpo.use_cases.search import lock


@pytest.fixture
def folder(tmp_path):
    return Home(tmp_path).search("digits-1")


def test_a_search_has_one_holder_which_is_named(folder, monkeypatch):
    monkeypatch.setattr(lock, "TIMEOUT", 0.05)
    assert not lock.is_locked(folder)
    with lock.hold_lock(folder, "digits-1"):
        assert lock.is_locked(folder)
        with (
            pytest.raises(Refused, match="digits-1 is being run by process"),
            lock.hold_lock(folder, "digits-1"),
        ):
            pass
        assert lock.is_locked(folder)
    assert not lock.is_locked(folder)


def test_checking_a_lock_does_not_block_its_holder(folder):
    with lock.hold_lock(folder, "digits-1"):
        pass
    with folder.lock.open() as glance:
        fcntl.flock(glance, fcntl.LOCK_SH)
        assert not lock.is_locked(folder)
        let_go = threading.Timer(0.1, fcntl.flock, (glance, fcntl.LOCK_UN))
        let_go.start()
        with lock.hold_lock(folder, "digits-1"):
            assert lock.is_locked(folder)
        let_go.join()
