import json
import os
import signal
import time
from functools import partial

import psutil
import pytest

from hpo.core.errors import HpoError
from hpo.core.events import SearchOpened, TestScored, TrialStarted
from hpo.core.home import Home
from hpo.ledger.store import LedgerStore
from hpo.use_cases.search.detached import start_detached
from hpo.use_cases.search.holding import take_new
from hpo.use_cases.search.run_options import DEFAULTS
from tests.faults.tiny_search import Place


def test_a_process_that_ends_at_once_is_an_error_with_its_last_line(tmp_path):
    home = Home.at(tmp_path / "home").create()
    spec = {"trainable": "nowhere:Model", "objective": {"metric": "validation/mse", "mode": "min"}}
    opened = SearchOpened(spec, "d" * 64, {}, {})
    LedgerStore.at(home.ledger).create("lost", opened)
    with pytest.raises(HpoError, match=r"the process of lost-1 ended at once: .*lost-1") as failure:
        start_detached(home, "lost-1")
    assert failure.value.search == "lost-1"


def test_the_lease_of_a_process_that_died_a_moment_ago_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setenv("HPO_LEDGER", f"sqlite:///{tmp_path / 'team.db'}")
    monkeypatch.setenv("HPO_LEASE_SECONDS", "1")
    home = Home.at(tmp_path / "home").create()
    spec = {"trainable": "nowhere:Model", "objective": {"metric": "validation/mse", "mode": "min"}}
    store = LedgerStore.of(home)
    store.create("left", SearchOpened(spec, "d" * 64, {}, {}), None, partial(take_new, DEFAULTS))
    with pytest.raises(
        HpoError, match="the process of left-1 ended at once"
    ):  # for its code, which is not here
        start_detached(home, "left-1")


def seen(place, kind, seconds=120):
    """The fields of the first event of a kind, as soon as it is on record."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for name, fields in place.glance():
            if name == kind:
                return fields
        time.sleep(0.05)
    raise AssertionError(f"there is no {kind} after {seconds} s")


@pytest.fixture
def place(tmp_path):
    """A folder with a small search."""
    place = Place(tmp_path)
    yield place
    place.end()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_detached_search_outlives_its_terminal_and_is_changed_stopped_and_resumed(place):
    terminal = place.start("--json", "submit", "tiny.yaml", "--detach", TINY_SECONDS="2")
    out, err = terminal.communicate(timeout=200)
    run = json.loads(out)
    assert (terminal.returncode, run["search"]) == (0, "tiny-1"), err
    with pytest.raises(ProcessLookupError):  # nothing of the terminal's group is left
        os.killpg(terminal.pid, signal.SIGHUP)
    process = psutil.Process(run["pid"])
    first = seen(place, "TrialStarted")["trial"]
    for words in (("set", "tiny-1", "trials_at_once=2", "budget.trials=5"), ("kill", "tiny-1", str(first))):
        outcome = place.run("service", *words)
        assert outcome.returncode == 0, outcome.stderr
    assert seen(place, "TrialEnded") | {"cause": "user", "trial": first} == seen(place, "TrialEnded")
    assert seen(place, "SearchExtended")["trials"] == 5 - 12
    twice = place.run("resume", "tiny-1", "--detach")
    assert (twice.returncode, "hpo watch tiny-1" in twice.stderr) == (3, True)
    stopped = place.run("stop", "tiny-1")
    assert stopped.returncode == 0, stopped.stderr
    process.wait(120)
    assert place.run("resume", "tiny-1", "--detach").returncode == 0
    ended = place.run("watch", "tiny-1")
    assert ended.returncode == 0, ended.stderr
    record = place.record()
    assert {r.event.trial for r in record if isinstance(r.event, TrialStarted)} == set(range(5))
    assert [type(recorded.event) for recorded in record].count(TestScored) == 1
