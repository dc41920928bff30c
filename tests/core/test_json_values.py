"""Values become strict JSON."""

import json
import math

import pytest

from hpo.core.estimates import LuckiestScore, ScoreEstimates, ScoreInterval
from hpo.core.json_values import jsonable, parsed


def test_numbers_that_json_lacks_are_null():
    assert jsonable({"a": (1, math.inf), 2: True}) == {"a": [1, None], "2": True}


def test_dataclasses_are_objects_in_the_order_of_their_fields():
    estimates = ScoreEstimates(
        LuckiestScore(3, 0.9),
        ScoreInterval(0.8, method="t"),
        None,
        None,
        {"accuracy": ScoreInterval(0.7, 0.6, 0.8)},
    )
    shown = jsonable(estimates)
    assert shown == {
        "raw": {"trial": 3, "value": 0.9},
        "fresh": {"value": 0.8, "low": None, "high": None, "method": "t"},
        "bootstrap": None,
        "winner": None,
        "test": {"accuracy": {"value": 0.7, "low": 0.6, "high": 0.8}},
        "notes": [],
        "corrected": None,
    }
    assert list(shown) == ["raw", "fresh", "bootstrap", "winner", "test", "notes", "corrected"]
    assert jsonable(ScoreEstimates.of_json(shown)) == shown


def test_json_that_is_nested_too_deeply_is_as_wrong_as_any_other():
    assert parsed('{"a": [1, null]}') == {"a": [1, None]}
    for text in ("[" * 1_000_000, '{"a":' * 1_000_000):
        with pytest.raises(ValueError, match=r"^it is nested too deeply$"):
            parsed(text)
    for text in ("[", "", "\0", b"{'a': 1}", "NaN,"):
        with pytest.raises(json.JSONDecodeError):
            parsed(text)
