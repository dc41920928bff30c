"""The constraints of a spec are checked before anything starts, and recorded by reported name."""

from dataclasses import replace
from pathlib import Path

import pytest

from hpo.core.constraints import Constraint
from hpo.core.errors import InvalidSpec
from hpo.spec import parse_spec


@pytest.fixture
def sized(toy):
    """The toy trainable, which reports its number of parameters."""
    return {"toy": replace(toy["toy"], reports=("parameters",))}


def parsed(document, trainables, *constraints, **fields):
    return parse_spec({**document, "constraints": list(constraints), **fields}, trainables=trainables)


def test_constraints_are_recorded_by_the_names_that_trials_report(document, sized):
    spec = parsed(
        document,
        sized,
        {"metric": "parameters", "at_most": 1e6},
        {"metric": "loss", "at_least": 0, "at_most": 2},
    )
    expected = (Constraint("parameters", at_most=1e6), Constraint("validation/loss", 0, 2))
    assert spec.objective.constraints == expected
    assert spec.document["constraints"][1] == {"metric": "validation/loss", "at_least": 0, "at_most": 2}
    again = parse_spec(spec.document, trainables=sized)
    assert again.objective == spec.objective
    assert again.digest == spec.digest


def test_a_spec_without_constraints_is_recorded_as_before(document, toy):
    spec = parse_spec(document, trainables=toy)
    assert "constraints" not in spec.document
    assert parsed(document, toy).digest == spec.digest


@pytest.mark.parametrize(
    ("constraint", "path", "words"),
    [
        ({"metric": "parametres", "at_most": 1}, "constraints[0].metric", "did you mean parameters"),
        ({"metric": "validation/los", "at_most": 1}, "constraints[0].metric", "did you mean loss"),
        ({"metric": "test/loss", "at_most": 1}, "constraints[0].metric", "the test part is sealed"),
        ({"metric": "parameters"}, "constraints[0]", "legal: at_most, at_least, or both"),
        ({"metric": "loss", "at_least": 3, "at_most": 2}, "constraints[0].at_least", "above at_most (2)"),
        ({"metric": "loss", "at_most": float("nan")}, "constraints[0].at_most", "nan: legal: a number"),
        ({"metric": "loss", "at_most": "many"}, "constraints[0].at_most", "a number"),
        ({"metric": "loss", "most": 1}, "constraints[0].most", "did you mean at_most"),
        ({"at_most": 1}, "constraints[0].metric", "is missing"),
        ("parameters < 3", "constraints[0]", "legal keys: metric, at_least, at_most"),
    ],
)
def test_a_constraint_that_cannot_be_judged_is_a_fault(constraint, path, words, document, sized):
    with pytest.raises(InvalidSpec) as caught:
        parsed(document, sized, constraint)
    faults = {fault.path: fault.message for fault in caught.value.faults}
    assert list(faults) == [path]
    assert words in faults[path]


def test_one_metric_has_one_constraint(document, sized):
    with pytest.raises(InvalidSpec, match="has a constraint already"):
        parsed(
            document, sized, {"metric": "loss", "at_most": 1}, {"metric": "validation/loss", "at_least": 0}
        )


def test_what_a_users_code_reports_besides_its_scores_is_not_known_beforehand(document, toy):
    interfaces = {"toy": replace(toy["toy"], file=Path("mine.py"))}
    (warning,) = parsed(document, interfaces, {"metric": "flops", "at_most": 1e9}).warnings
    assert "every report has to have a value 'flops'" in warning


@pytest.mark.parametrize("sampler", ["random", "qmc", "cmaes"])
def test_a_sampler_that_does_not_learn_from_constraints_is_a_warning(sampler, document, sized):
    spec = parsed(document, sized, {"metric": "loss", "at_most": 1}, sampler=sampler)
    assert any("samplers that learn from them: auto, tpe, gp" in warning for warning in spec.warnings)


def test_the_members_of_an_ensemble_are_judged_one_by_one(document, sized):
    spec = parsed(document, sized, {"metric": "parameters", "at_most": 1}, ship="ensemble")
    assert any("for each member" in warning for warning in spec.warnings)
