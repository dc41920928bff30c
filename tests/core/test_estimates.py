"""Intervals keep what their JSON says, whichever version wrote it."""

import math

from hpo.core.estimates import ScoreInterval, intervals_of


def test_an_interval_says_what_is_missing_only_if_something_is():
    whole, partial = ScoreInterval(0.5, 0.4, 0.6, "Wilson"), ScoreInterval(0.5, missing="1 of 9 values")
    assert whole.to_json() == {"value": 0.5, "low": 0.4, "high": 0.6, "method": "Wilson"}
    assert partial.to_json() == {"value": 0.5, "low": None, "high": None, "missing": "1 of 9 values"}
    assert ScoreInterval.of_json(partial.to_json()).missing == "1 of 9 values"


def test_intervals_of_earlier_versions_are_read():
    (read,) = intervals_of({"loss": {"value": 2.0, "low": None, "high": 3.0}}).values()
    assert (read.value, read.high, read.method, read.missing) == (2.0, 3.0, "", "")
    assert math.isnan(read.low)


def test_remarks_join_the_method_and_what_is_missing():
    assert ScoreInterval(1.0, method="Wilson", missing="1 of 9 values").remarks == "Wilson; 1 of 9 values"
    assert ScoreInterval(1.0, missing="1 of 9 values").remarks == "1 of 9 values"
