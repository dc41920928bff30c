"""What is left of a spec's forbidden combinations and choices when its ranges become narrower."""

import pytest

from hpo.core.grammar import Grammar
from hpo.core.space import Choice, Integer, Uniform
from hpo.spec import parse_spec, read_spec
from hpo.spec.builtin import specs
from hpo.spec.narrowing import Change
from hpo.spec.rewriting import rewritten, written_out
from hpo.spec.yaml_text import parse_text

SPEC = """
version: 1
space:
  rate: {loguniform: [0.001, 1.0]}    # a guess
  width: {randint: [1, 100]}
  count: {choice: [16, 64, 256]}
  bias: {choice: [true, false, 1, 0]}
"""


def refined(name, new, *forbidden):
    """The spec and the notes after one range has changed."""
    lines = "".join(f"  - {{{combination}}}\n" for combination in forbidden)
    text = SPEC + (f"forbid:\n{lines}" if forbidden else "")
    change = Change(name, new, new, "the best trials lie here")
    new_text, notes = rewritten(text, [change], Grammar(()), "coarse-1")
    return parse_text(new_text, "a test").value, notes


@pytest.mark.parametrize(
    ("name", "new", "condition"),
    [
        ("rate", Uniform(0.05, 0.2, log=True), "rate: {low: 0.2}"),  # a bound is legal itself
        ("rate", Uniform(0.05, 0.2, log=True), "rate: {high: 0.05}"),
        ("rate", Uniform(0.05, 0.2, log=True), "rate: {low: 0.1, high: 0.15}"),
        ("width", Integer(10, 20), "width: {low: 20, high: 90}"),
        ("width", Integer(10, 20), "width: 20"),
        ("count", Choice((16, 64)), "count: {low: 64}"),
        ("count", Choice((16, 64)), "count: {high: 16}"),
        ("bias", Choice((True, 0)), "bias: true"),
        ("bias", Choice((1, 0)), "bias: 1"),
        ("bias", Choice((1, 0)), "bias: {low: 1}"),
        ("width", Integer(10, 20), "rate: {low: 0.9}"),  # of another parameter
    ],
)
def test_a_combination_that_can_occur_stays_as_it_is(name, new, condition):
    before = parse_text(f"x: {{{condition}}}", "a test").value["x"]
    spec, notes = refined(name, new, condition, "count: 16, width: 15")
    assert spec["forbid"] == [before, {"count": 16, "width": 15}]
    assert notes == []


@pytest.mark.parametrize(
    ("name", "new", "condition"),
    [
        ("rate", Uniform(0.05, 0.2, log=True), "rate: {low: 0.21}"),
        ("rate", Uniform(0.05, 0.2, log=True), "rate: {high: 0.049}"),
        ("rate", Uniform(0.05, 0.2, log=True), "rate: 0.9"),
        ("width", Integer(10, 20), "width: {low: 21, high: 90}"),
        ("count", Choice((16, 64)), "count: {low: 65}"),
        ("count", Choice((16, 64)), "count: {high: 15}"),
        ("count", Choice((16, 64)), "count: {low: 17, high: 63}"),
        ("count", Choice((16, 64)), "count: [256]"),
        ("bias", Choice((True, False)), "bias: 1"),  # true is not 1
        ("bias", Choice((1, 0)), "bias: true"),
        ("bias", Choice((True, False)), "bias: {low: 0}"),  # and lies within no bounds
    ],
)
def test_a_combination_that_cannot_occur_any_more_is_left_out(name, new, condition):
    spec, notes = refined(name, new, condition, "count: 16, width: 15")
    assert spec["forbid"] == [{"count": 16, "width": 15}]
    assert notes == ["1 of the forbidden combinations can no longer occur and are left out"]
    assert "forbid" not in refined(name, new, condition)[0]


def test_a_combination_needs_all_its_conditions_to_be_possible():
    spec, _ = refined("width", Integer(10, 20), "width: 50, rate: 0.1", "width: 15, rate: 0.1")
    assert spec["forbid"] == [{"width": 15, "rate": 0.1}]


def test_of_a_list_only_the_values_that_can_occur_are_left():
    spec, _ = refined("bias", Choice((True, 0)), "bias: [true, false, 1], count: [16, 256]")
    assert [type(value) for value in spec["forbid"][0]["bias"]] == [bool]
    assert spec["forbid"] == [{"bias": [True], "count": [16, 256]}]


def test_of_the_condition_of_a_parameter_only_the_values_that_can_occur_are_left():
    own = "  own: {uniform: [0, 1], when: {bias: [true, 1, false]}}\n"
    change = Change("bias", Choice((True, 0)), Choice((True, 0)), "the best trials lie here")
    text, notes = rewritten(SPEC + own, [change], Grammar(()), "coarse-1")
    (value,) = parse_text(text, "a test").value["space"]["own"]["when"]["bias"]
    assert (value is True, notes) == (True, [])
    change = Change("bias", Choice((0,)), Choice((0,)), "the best trials lie here")
    text, notes = rewritten(SPEC + own, [change], Grammar(()), "coarse-1")
    assert "own" not in parse_text(text, "a test").value["space"]
    assert notes == ["own is left out: it exists only under a dropped choice of bias"]


@pytest.mark.parametrize("kept", [(True, 0), (False, 1), (1, 0), (True, False)])
def test_booleans_and_numbers_that_equal_them_are_told_apart(kept):
    spec, _ = refined("bias", Choice(kept))
    values = spec["space"]["bias"]["choice"]
    assert sorted(map(repr, values)) == sorted(map(repr, kept))


def test_the_rest_of_the_spec_stays():
    spec, _ = refined("rate", Uniform(0.05, 0.2, log=True))
    assert spec == {
        "version": 1,
        "space": {
            "rate": {"loguniform": [0.05, 0.2]},
            "width": {"randint": [1, 100]},
            "count": {"choice": [16, 64, 256]},
            "bias": {"choice": [True, False, 1, 0]},
        },
        "warm_start": ["coarse-1"],
    }


@pytest.mark.parametrize("name", specs())
def test_a_spec_written_from_the_record_is_the_same_search(name):
    spec = read_spec(name)
    text = written_out(spec.document)
    assert parse_spec(parse_text(text, name).value, name, spec.base).digest == spec.digest
    assert written_out(parse_spec(parse_text(text, name).value, name, spec.base).document) == text
