"""A disagreement of validation and test score is reported before anything else."""

import pytest

from hpo.core.attention import disagreement
from hpo.core.estimates import LuckiestScore, ScoreEstimates, ScoreInterval

VALIDATION, LOWER = ScoreInterval(0.796, 0.711, 0.855), ScoreInterval(0.615, 0.546, 0.680)


def numbers(test, corrected=VALIDATION):
    return ScoreEstimates(LuckiestScore(1, 0.9), None, None, None, test and {"accuracy": test}, (), corrected)


def test_scores_outside_both_intervals_are_reported_with_advice():
    text = disagreement(numbers(LOWER), "accuracy")
    assert "disagree by more than both intervals" in text
    assert "0.796" in text
    assert "0.615" in text
    assert "groups or copies" in text


@pytest.mark.parametrize("test", [None, ScoreInterval(0.7, 0.6, 0.75), ScoreInterval(0.1)])
def test_scores_with_overlapping_or_missing_intervals_are_not_reported(test):
    assert disagreement(numbers(test), "accuracy") == ""
    assert disagreement(numbers(LOWER, None), "accuracy") == ""
