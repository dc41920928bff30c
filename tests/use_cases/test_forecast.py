"""The estimated time of a budget, given the pace of an earlier search."""

import math

import pytest

from hpo.ledger.searches import read_history
from hpo.ledger.store import LedgerStore
from hpo.spec import parse_spec
from hpo.use_cases.forecast import earlier_seconds, forecast_of, pace_of
from tests.use_cases import recorded_search

SPEC = {
    "version": 1,
    "name": "timed",
    "data": {"source": "digits"},
    "trainable": "image_classifier",
    "recipe": {"model": {"name": "mlp"}},
    "space": {"learning_rate": {"loguniform": [1e-4, 1.0]}},
    "sampler": "random",
    "scheduler": {"name": "asha", "max_epochs": 9},
    "budget": {"trials": 10},
    "resources": {"cpus": 1, "trials_at_once": 2},
    "finalists": {"count": 2, "seeds": 3},
}


def value(recipe):
    return 0.5 + recipe["learning_rate"] / 10


def test_without_earlier_searches_there_is_an_estimate_but_no_hours(recorded):
    forecast = forecast_of(parse_spec(SPEC), recorded.home)
    assert forecast.pace is None
    assert math.isnan(forecast.search)
    assert forecast.to_json() is None
    assert forecast.forecast.trials == 10
    assert forecast_of(parse_spec({**SPEC, "budget": {"hours": 1.0}}), recorded.home).forecast is None


def test_hours_follow_from_the_pace_of_the_newest_search_like_it(recorded):
    recorded.search(parse_spec(SPEC), value)
    forecast = forecast_of(parse_spec(SPEC), recorded.home)
    assert forecast.pace.search == "timed-1"
    assert forecast.pace.seconds == 1.0
    assert forecast.search == pytest.approx(forecast.forecast.epochs / 2 / 3600)
    assert forecast.finalists == pytest.approx(2 * 3 * 9 / 2 / 3600)


def test_a_time_budget_is_converted_by_the_pace(recorded):
    recorded.search(parse_spec(SPEC), value)
    short, long = (
        forecast_of(parse_spec({**SPEC, "budget": {"hours": hours}}), recorded.home).forecast
        for hours in (0.05, 0.1)
    )
    assert short.epochs + 54 == pytest.approx(0.05 * 3600 * 2, rel=0.1)
    assert long.trials > 1.5 * short.trials


def test_searches_with_other_data_or_threads_are_not_used(recorded):
    recorded.search(parse_spec(SPEC), value)
    other = parse_spec({**SPEC, "resources": {"cpus": 2, "threads": 2}})
    assert pace_of(other, recorded.home) is None
    assert (
        pace_of(parse_spec({**SPEC, "data": {"source": "digits", "arguments": {}}}), recorded.home)
        is not None
    )


def test_a_search_that_runs_is_compared_with_an_earlier_one_of_the_same_spec(tmp_path):
    home = recorded_search.recorded(tmp_path, recorded_search.won(), name="first")
    recorded_search.recorded(tmp_path, recorded_search.trained(0, 0, 0.9), name="second")
    history = read_history(LedgerStore.of(home).open("second"))
    past = read_history(LedgerStore.of(home).open("first"))
    assert earlier_seconds(history, home) == pytest.approx(past.active)
