"""What can be set while a search runs: checked before it is requested, all of it or nothing."""

import math

import pytest

from hpo.core.errors import UserError
from hpo.core.events import Cause, End, FinalistsNamed, SearchOpened, TrialEnded, TrialStarted
from hpo.core.home import Home
from hpo.ledger.requests import Requests
from hpo.ledger.store import LedgerStore
from hpo.use_cases.change import retry_trials, set_limits
from hpo.use_cases.search.holding import held, take_new
from hpo.use_cases.search.run_options import DEFAULTS

BUDGET = {"trials": 40, "epochs": None, "hours": 2.0, "gpu_hours": None}
SPEC = {"objective": {"metric": "loss", "mode": "min"}, "budget": BUDGET}


@pytest.fixture
def running(tmp_path):
    """A search that this process runs."""
    home = Home.at(tmp_path / "home").create()
    store = LedgerStore.of(home)
    ledger = store.create(
        "one", SearchOpened(SPEC, "d", {}, {}), "one", lambda *new: take_new(DEFAULTS, *new)
    )
    with held(home, ledger, new=True) as hold:
        hold.begin(DEFAULTS)
        yield home, ledger


def asked(ledger):
    return [(request.field, request.value) for request in Requests(ledger).after(0)]


def test_what_is_typed_becomes_requests(running):
    home, ledger = running
    limits = {"trials_at_once": "2", "priority": "-3", "weight": "7", "budget.hours": "1.5"}
    set_limits("one", limits, home=home)
    assert asked(ledger) == [
        ("resources.trials_at_once", 2),
        ("priority", -3),
        ("weight", 7),
        ("budget.hours", 5400),
    ]


@pytest.mark.parametrize(
    ("key", "text", "why"),
    [
        ("weight", "0", "legal: a whole number from 1 to 1,000"),
        ("weight", "1.5", "legal: a whole number from 1 to 1,000"),
        ("priority", "1001", "legal: a whole number from -1000 to 1,000"),
        ("priority", "--1", "legal: a whole number from -1000 to 1,000"),
        ("budget.hours", "soon", "legal: hours up to 100,000, such as 1.5"),
        ("budget.hours", "-1", "legal: hours up to 100,000"),
        ("budget.hours", "nan", "legal: hours up to 100,000"),
        ("budget.epochs", "9", "the budget of one does not limit epochs"),
        ("budget.gpu_hours", "9", "the budget of one does not limit GPU-hours"),
        ("space.rate", "1", "cannot be set while a search runs; legal: trials_at_once, budget.trials, "),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_is_requested(running, key, text, why):
    home, ledger = running
    with pytest.raises(UserError, match=why):
        set_limits("one", {"weight": "2"} | {key: text}, home=home)
    assert asked(ledger) == []


def test_limits_are_not_changed_after_the_finalists_are_named(running):
    home, ledger = running
    ledger.append([FinalistsNamed((0,))])
    for limits in ({"budget.hours": "3"}, {"budget.trials": "50"}):
        with pytest.raises(UserError, match="one has chosen its finalists"):
            set_limits("one", limits, home=home)
    set_limits("one", {"priority": "1"}, home=home)
    assert asked(ledger) == [("priority", 1)]


@pytest.fixture
def failing(running):
    """A running search whose trials 0 and 2 have failed and whose trial 1 runs."""
    home, ledger = running
    for trial in range(3):
        ledger.append([TrialStarted(trial, 0, {"rate": trial}, {}, 7, "sampler")])
    for trial in (0, 2):
        ledger.append([TrialEnded(trial, 0, End.FAILED, 0, math.nan, Cause.OUT_OF_MEMORY, "full")])
    return home, ledger


@pytest.mark.parametrize(("wanted", "tried"), [((2,), (2,)), ((), (0, 2)), ((2, 0, 2), (2, 0))])
def test_failed_trials_of_a_running_search_are_asked_for(failing, wanted, tried):
    home, ledger = failing
    assert retry_trials("one", wanted, home=home) == tried
    assert asked(ledger) == [("retry", trial) for trial in tried]


def test_trials_that_have_not_failed_and_searches_with_finalists_are_refused(failing):
    home, ledger = failing
    with pytest.raises(UserError, match="trial 1 of one has not failed; legal: 0, 2"):
        retry_trials("one", (0, 1), home=home)
    ledger.append([FinalistsNamed((1,))])
    with pytest.raises(UserError, match="one has chosen its finalists"):
        retry_trials("one", (0,), home=home)
    assert asked(ledger) == []
