"""A search on record is run by any process that starts it, any number of times."""

import pytest

from hpo.core.errors import UserError
from hpo.core.events import SearchEnded, SearchOpened, SearchResumed, TestScored, TrialStarted, WorkersReady
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.record import Recorded
from hpo.ledger.store import LedgerStore
from hpo.use_cases.inspect import status_of
from hpo.use_cases.run import run_search
from tests.faults.tiny_search import Place
from tests.use_cases.recorded_search import recorded, won


def test_a_search_that_is_done_stays_as_it_is(tmp_path):
    home = recorded(tmp_path, won())
    before = len(list(LedgerStore.of(home).open("digits").read()))
    outcome = run_search("digits", home=home)
    assert (outcome.status, outcome.exit_code) == ("done", 0)
    assert len(list(LedgerStore.of(home).open("digits").read())) == before


def test_an_unknown_search_is_a_sentence(tmp_path):
    home = recorded(tmp_path, won())
    with pytest.raises(UserError, match="there is no search 'another'; existing searches: digits"):
        run_search("another", home=home)


def test_a_search_that_has_not_begun_is_submitted_and_not_interrupted(tmp_path):
    home = recorded(tmp_path, ())
    history = History(Objective("accuracy", "max"))
    assert status_of(history, home, "digits") == "submitted"
    history.apply(Recorded(1, 0.0, WorkersReady(2)))
    assert status_of(history, home, "digits") == "interrupted"
    history.apply(Recorded(2, 1.0, SearchEnded("done")))
    assert status_of(history, home, "digits") == "done"


@pytest.fixture
def place(tmp_path):
    """A folder with a small search."""
    place = Place(tmp_path)
    yield place
    place.end()


def kinds(place):
    return [type(recorded.event) for recorded in place.record()]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_held_search_is_run_and_a_killed_run_is_started_again(place):
    held = place.run("submit", "tiny.yaml", "--hold", "--set", "budget.trials=4")
    assert (held.returncode, "`hpo service run tiny-1` runs it" in held.stdout) == (0, True), held.stderr
    assert set(kinds(place)) == {SearchOpened}
    assert "submitted" in place.run("status", "tiny-1").stdout
    first = place.start("run", "tiny-1", "--json")
    place.wait_for(first, lambda here: TrialStarted in kinds(here))
    first.kill()
    first.wait()
    place.wait_until_gone()
    second = place.run("run", "tiny-1")
    assert second.returncode == 0, second.stderr
    assert (kinds(place).count(SearchResumed), kinds(place).count(TestScored)) == (2, 1)
    events = len(place.record())
    third = place.run("run", "tiny-1")
    assert (third.returncode, len(place.record())) == (0, events), third.stderr
