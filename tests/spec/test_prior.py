"""Beliefs of a spec are checked against the space before anything starts."""

import copy

import pytest

from hpo.spec import parse_spec
from hpo.spec.faults import InvalidSpec


def test_beliefs_are_read_and_recorded(document, toy):
    document["prior"] = {"rate": {"around": 0.01, "within": 3}, "width": "off"}
    spec = parse_spec(document, trainables=toy)
    assert spec.prior == {"rate": {"around": 0.01, "within": 3.0}, "width": None}
    assert parse_spec(copy.deepcopy(dict(spec.document)), trainables=toy).prior == spec.prior
    document["prior"] = "off"
    assert parse_spec(document, trainables=toy).prior is None


@pytest.mark.parametrize(
    ("prior", "path", "words"),
    [
        ({"ratio": {"around": 1, "within": 2}}, "prior.ratio", "did you mean rate"),
        (
            {"rate": {"around": 7, "within": 2}},
            "prior.rate.around",
            "7 is not in the range; legal: 0.001",
        ),
        ({"rate": {"around": 0.1, "within": 0.5}}, "prior.rate.within", "0.5 is not a factor"),
        ({"rate": {"around": 0.1, "within": 1}}, "prior.rate.within", "1 is not a factor"),
        ({"rate": {"around": 0.1, "within": -1}}, "prior.rate.within", "greater than 0"),
        ({"rate": {"around": 0.1}}, "prior.rate.within", "missing"),
    ],
)
def test_a_belief_that_cannot_hold_is_a_fault(prior, path, words, document, toy):
    document["prior"] = prior
    with pytest.raises(InvalidSpec) as caught:
        parse_spec(document, trainables=toy)
    faults = {fault.path: fault.message for fault in caught.value.faults}
    assert list(faults) == [path]
    assert words in faults[path]


def test_a_sampler_that_ignores_beliefs_is_a_warning(document, toy):
    document |= {"prior": {"rate": {"around": 0.1, "within": 2}}, "sampler": "random"}
    (warning,) = parse_spec(document, trainables=toy).warnings
    assert "only the sampler auto uses it" in warning
