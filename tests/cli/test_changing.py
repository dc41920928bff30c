"""Commands that change a running search say what they asked it for."""

import pytest

from hpo.core import events
from hpo.ledger.requests import STOP_TRIAL, Requests
from hpo.ledger.searches import open_ledger
from hpo.use_cases.search.holding import held
from hpo.use_cases.search.run_options import DEFAULTS
from tests.use_cases.recorded_search import recorded, searched, trained

FAILED = 5
"""The trial of the story that failed."""


def unfinished():
    yield from (event for event in searched() if not isinstance(event, events.FinalistsNamed))
    yield from list(trained(6, 0, 0.9))[:1]


@pytest.fixture
def running(tmp_path, monkeypatch):
    """The ledger of a search that this process runs; trial 6 is training."""
    story = [event for event in unfinished() if getattr(event, "replicate", 0) == 0]
    home = recorded(tmp_path, story)
    monkeypatch.setenv("HPO_HOME", str(home.root))
    ledger = open_ledger("digits", home)
    with held(home, ledger) as hold:
        hold.begin(DEFAULTS)
        yield ledger


def asked(ledger):
    return [(request.field, request.value) for request in Requests(ledger).after(0)]


def test_limits_are_asked_for(running, typed):
    shown = typed("service", "set", "digits", "trials_at_once=2", " weight = 3 ")
    assert (shown.code, shown.out) == (0, "digits was asked to set trials_at_once=2,  weight = 3\n")
    shown = typed("service", "set", "digits", "priority=-1", "--json")
    assert shown.json == {"search": "digits", "requested": {"priority": "-1"}}
    assert asked(running) == [("resources.trials_at_once", 2), ("weight", 3), ("priority", -1)]


def test_a_limit_without_a_number_is_refused(running, typed):
    shown = typed("service", "set", "digits", "weight")
    assert (shown.code, shown.err) == (2, "weight: write SETTING=N, such as trials_at_once=2\n")
    assert asked(running) == []


def test_a_trial_is_asked_to_stop(running, typed):
    shown = typed("service", "kill", "digits", "6")
    assert (shown.code, shown.out) == (0, "trial 6 of digits will stop in a moment\n")
    assert typed("service", "kill", "digits", "6", "--json").json == {
        "search": "digits",
        "trial": 6,
        "stop_requested": True,
    }
    assert asked(running) == [(STOP_TRIAL, 6), (STOP_TRIAL, 6)]


def test_failed_trials_of_a_running_search_are_asked_for_again(running, typed):
    shown = typed("retry", "digits", "--failed")
    assert (shown.code, shown.out) == (
        0,
        "digits is running and will try trial 5 again with the code that it runs; for changed code, "
        "`hpo stop digits` first\n",
    )
    shown = typed("retry", "digits", "5", "--json")
    assert shown.json == {"search": "digits", "trials": [FAILED], "retry_requested": True}


@pytest.mark.parametrize("words", [(), ("5", "--failed")])
def test_retry_takes_numbers_or_all_that_failed(running, typed, words):
    shown = typed("retry", "digits", *words)
    assert (shown.code, shown.err) == (2, "name the trials to try again, or --failed for all that failed\n")


def test_a_search_is_asked_to_stop(running, typed, tmp_path):
    shown = typed("stop", "digits")
    assert (shown.code, shown.out) == (
        0,
        "digits will stop in a moment; `hpo resume digits` continues it\n",
    )
    home = str(tmp_path / "home")
    assert typed("--home", home, "stop", "digits").out.endswith(
        f"`hpo --home {home} resume digits` continues it\n"
    )
    assert typed("stop", "digits", "--json").json == {"search": "digits", "stop_requested": True}
