"""A constraint says of every report by how much it is violated, and in words."""

import math

import pytest

from hpo.core.constraints import WORST, Constraint, complaints, constraints_of, excesses

SMALL = Constraint("parameters", at_most=1e6)
GOOD = Constraint("validation/recall", at_least=0.9)


@pytest.mark.parametrize(
    ("constraint", "value", "violated"),
    [
        (SMALL, 1e6, False),
        (SMALL, 1e6 + 1, True),
        (GOOD, 0.9, False),
        (GOOD, 0.89, True),
        (Constraint("gap", -1, 1), 0.0, False),
        (Constraint("gap", -1, 1), -1.5, True),
        (Constraint("gap", at_most=0), -3.0, False),
        (SMALL, math.nan, True),
        (SMALL, math.inf, True),
    ],
)
def test_a_value_on_the_limit_is_legal_and_one_beyond_it_is_not(constraint, value, violated):
    report = {constraint.metric: value}
    assert (constraint.excess(report) > 0) is violated
    assert bool(constraint.complaint(report)) is violated


def test_an_excess_rises_with_the_value_and_is_finite():
    values = [-1e9, -1.0, 0.0, 10.0, 1e5, 1e6, 2e6, 1e9, 1e30]
    excesses = [SMALL.excess({"parameters": value}) for value in values]
    assert excesses == sorted(excesses)
    assert excesses[-1] == WORST == SMALL.excess({})


def test_words_name_the_value_and_its_limits():
    assert SMALL.text == "parameters at most 1,000,000"
    assert SMALL.complaint({"parameters": 1234567.0}) == "parameters is 1,234,567, not at most 1,000,000"
    assert Constraint("gap", -0.5, 0.25).text == "gap at least -0.5 and at most 0.25"


def test_scores_are_judged_when_a_trial_is_fully_trained():
    report = {"parameters": 1.0, "validation/recall": 0.2}
    assert complaints((SMALL, GOOD), report, trained=False) == []
    assert complaints((SMALL, GOOD), report, trained=True) == ["validation/recall is 0.2, not at least 0.9"]
    assert list(excesses((SMALL, GOOD), report, trained=False)) == ["parameters"]
    assert list(excesses((SMALL, GOOD), report, trained=True)) == ["parameters", "validation/recall"]


def test_a_recorded_spec_gives_the_same_constraints():
    spec = {"constraints": [SMALL.to_json(), GOOD.to_json()]}
    assert spec["constraints"][0] == {"metric": "parameters", "at_least": None, "at_most": 1e6}
    assert constraints_of(spec) == (SMALL, GOOD)
    assert constraints_of({}) == ()


@pytest.mark.parametrize("limits", [{}, {"at_least": 2, "at_most": 1}, {"at_most": math.nan}])
def test_limits_that_no_value_or_every_value_keeps_are_refused(limits):
    with pytest.raises(ValueError, match="gap"):
        Constraint("gap", **limits)
