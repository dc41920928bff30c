"""A driver that lost its search to another process writes nothing more; a keeper continues dead ones."""

import signal

import pytest

from hpo.core import events
from tests.faults.promises import check
from tests.faults.tiny_search import Place, after, left_behind, number
from tests.ledger.conftest import postgresql_server  # noqa: F401

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SHORT = {"HPO_LEASE_SECONDS": "3"}


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request, tmp_path, monkeypatch, undisturbed):
    """A folder whose searches are on record in a database that several machines could share."""
    del undisturbed  # it has a ledger of its own, and runs before the variable is set
    file = f"sqlite:///{tmp_path / 'team.db'}"
    url = file if request.param == "sqlite" else request.getfixturevalue("postgresql_server").new_database()
    monkeypatch.setenv("HPO_LEDGER", url)
    monkeypatch.setenv("HPO_REGISTER", str(tmp_path / "register.db"))
    folder = tmp_path / "work"
    folder.mkdir()
    place = Place(folder)
    yield place
    left = left_behind(folder)
    place.end()
    assert left == []


def test_a_driver_that_was_frozen_for_longer_than_its_lease_writes_nothing_more(shared, undisturbed):
    frozen = shared.start("submit", "tiny.yaml", "--json", TINY_SECONDS="0.2", **SHORT)
    shared.wait_for(frozen, after(events.Reported, 5))
    frozen.send_signal(signal.SIGSTOP)
    begun = shared.record()
    seconds = shared.resumed(**SHORT)
    ended = shared.record()
    assert number(ended, events.SearchEnded) == 1
    frozen.send_signal(signal.SIGCONT)
    _, err = frozen.communicate(timeout=120)
    assert (frozen.returncode, "tiny-1 is run by another process" in err) == (1, True), err
    assert "hpo resume" not in err
    assert shared.record() == ended
    check("SIGSTOP for longer than the lease", shared, undisturbed, begun, [], seconds)


def test_a_search_that_is_held_elsewhere_is_refused(shared):
    running = shared.start("submit", "tiny.yaml", "--json", **SHORT)
    shared.wait_for(running, after(events.Reported, 2))
    with shared.held():
        refused = shared.run("resume", "tiny-1", **SHORT)
        assert (refused.returncode, "tiny-1 is being run by process" in refused.stderr) == (3, True)
        stopped = shared.run("stop", "tiny-1")
        assert stopped.returncode == 0, stopped.stderr
    running.communicate(timeout=120)
    assert shared.record()[-1].event.status == "stopped"
