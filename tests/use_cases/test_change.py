"""What can be set while a search runs: checked before it is requested, all of it or nothing."""

import pytest

from hpo.core.errors import UserError
from hpo.core.events import FinalistsNamed, SearchOpened
from hpo.core.home import Home
from hpo.ledger.requests import Requests
from hpo.ledger.store import LedgerStore
from hpo.use_cases.change import set_limits
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
