"""A warm start is written to the record and read back unchanged."""

import json

import pytest

from hpo.core.warm_start import NO_WARM_START, EarlierTrials, WarmStart

POINTS = ({"a": 1.5, "b": None}, {"a": 2.0}, {"a": 3.0, "b": [1, "x"], "c.d": True})


def test_a_warm_start_survives_json():
    warmth = WarmStart(POINTS[:2], (EarlierTrials("old-1", ("a", "b"), POINTS, (0.5, -1.0, 1.25)),))
    assert WarmStart.of_json(json.loads(json.dumps(warmth.to_json()))) == warmth


def test_an_empty_warm_start_is_empty():
    assert NO_WARM_START.to_json() == {}
    assert WarmStart.of_json({}) == NO_WARM_START


def test_a_lesson_has_a_score_for_each_point():
    with pytest.raises(ValueError, match="old-1: 3 points have 1 scores"):
        EarlierTrials("old-1", ("a",), POINTS, (0.0,))
