"""Values that follow from others, lists of parameters, and ranges that are normal."""

import pickle
from random import Random

import pytest

from hpo.core.grammar import Grammar, Group, Hyperparameter, Part
from hpo.core.trainable import Metric
from hpo.spec import parse_spec
from hpo.spec.faults import InvalidSpec
from hpo.spec.interface import Interface
from hpo.spec.overview import rows

GRAMMAR = Grammar(
    (
        Hyperparameter("layers", "int", 2, 1, 100),
        Hyperparameter("hidden", "int", 32, 1, 1024),
        Hyperparameter("bottleneck", "int", 16, 4, 1024),
        Hyperparameter("widths", "list", [8], 1, 512),
        Hyperparameter("rate", "float", 0.1, 0, 10),
        Hyperparameter("bias", "float", 0.0),
    ),
    (
        Group(
            "optimizer",
            (
                Part("sgd", "x:sgd", "", (Hyperparameter("momentum", "float", 0.9, 0, 1),)),
                Part("adam", "x:a", ""),
            ),
            default="sgd",
        ),
    ),
)
TRAINABLES = {"net": Interface(GRAMMAR, (Metric("loss", "min"),))}
HIDDEN = {"hidden": {"randint": [16, 256]}}


def spec_of(space, **fields):
    document = {
        "version": 1,
        "data": {"source": "digits"},
        "trainable": "net",
        "space": space,
        "scheduler": {"max_epochs": 3},
        "budget": {"trials": 4},
    }
    return parse_spec({**document, **fields}, trainables=TRAINABLES)


def fault_of(space, **fields):
    with pytest.raises(InvalidSpec) as caught:
        spec_of(space, **fields)
    return {fault.path: fault.message for fault in caught.value.faults}


def test_an_expression_is_recorded_and_not_searched():
    spec = spec_of({**HIDDEN, "bottleneck": {"expression": "max(4, hidden // 2)"}})
    assert list(spec.space.by_name) == ["hidden"]
    assert spec.recipe_of({"hidden": 100})["bottleneck"] == 50
    assert rows(spec)[-1].values == "follows: max(4, hidden // 2)"
    assert parse_spec(spec.document, trainables=TRAINABLES).recipe_of({"hidden": 7})["bottleneck"] == 4
    assert pickle.loads(pickle.dumps(spec)).recipe_of({"hidden": 64})["bottleneck"] == 32


def test_expressions_see_dotted_names_fixed_choices_and_each_other():
    space = {
        "optimizer.momentum": {"uniform": [0, 0.9]},
        "rate": {"expression": "(1 - optimizer.momentum) * layers"},
        "bias": {"expression": "-rate"},
    }
    recipe = spec_of(space, recipe={"layers": 3}).recipe_of({"optimizer.momentum": 0.5})
    assert (recipe["rate"], recipe["bias"]) == (1.5, -1.5)


def test_a_value_that_needs_an_absent_parameter_has_its_default():
    space = {
        "optimizer": {"choice": ["sgd", "adam"]},
        "optimizer.momentum": {"uniform": [0, 0.9]},
        "rate": {"expression": "1 - optimizer.momentum"},
    }
    assert spec_of(space).recipe_of({"optimizer": "adam"})["rate"] == 0.1


def test_points_with_an_illegal_value_are_not_tried_and_a_warning_says_so():
    spec = spec_of({"hidden": {"randint": [1, 16]}, "bottleneck": {"expression": "hidden // 2"}})
    assert any("space.bottleneck" in warning and "not tried" in warning for warning in spec.warnings)
    assert min(spec.space.sample(Random(seed))["hidden"] for seed in range(50)) >= 8


@pytest.mark.parametrize(
    ("range_", "words"),
    [
        ({"expression": "hiden // 2"}, "did you mean hidden?"),
        ({"expression": "hidden //"}, "is not an expression"),
        ({"expression": 3}, "is not an expression"),
        ({"expression": "bottleneck + 1"}, "cycle"),
        ({"expression": "hidden +"}, "'hidden +' is not an expression: invalid syntax"),
        ({"expression": "hidden * 1000"}, "is never legal"),
        ({"expression": "__import__('os').getpid()"}, "is not a parameter"),
        ({"expression": "hidden.__class__"}, "is never legal"),
        ({"expression": "hidden", "when": {"hidden": 16}}, "unknown"),
    ],
)
def test_faulty_expressions_are_named(range_, words):
    assert any(words in message for message in fault_of({**HIDDEN, "bottleneck": range_}).values())


def test_an_expression_that_cannot_be_computed_is_named_by_its_parameter():
    faults = fault_of({**HIDDEN, "bottleneck": {"expression": "hidden // 0"}})
    (message,) = faults.values()
    assert list(faults) == ["space.bottleneck"]
    assert message.startswith("is never legal: hidden // 0: ZeroDivisionError: ")


@pytest.mark.parametrize(
    "space",
    [
        {"bottleneck": {"expression": "8"}},
        {"hidden": {"expression": "layers * 8"}, "bottleneck": {"expression": "hidden // 2"}},
    ],
)
def test_a_space_of_expressions_alone_searches_nothing(space):
    (message,) = fault_of(space).values()
    assert message == f"searches nothing: all of it follows ({', '.join(space)}); add a range"


def test_a_list_of_a_fixed_length_is_enough_to_search():
    spec = spec_of({"widths": {"list": {"randint": [16, 32]}, "length": 2}})
    assert len(spec.recipe_of(spec.space.sample(Random(0)))["widths"]) == 2


def test_a_list_has_as_many_elements_as_another_parameter_says():
    spec = spec_of(
        {"layers": {"randint": [1, 3]}, "widths": {"list": {"lograndint": [16, 256]}, "length": "layers"}}
    )
    assert list(spec.space.by_name) == ["layers", "widths[1]", "widths[2]", "widths[3]"]
    for seed in range(20):
        point = spec.space.sample(Random(seed))
        assert len(spec.recipe_of(point)["widths"]) == point["layers"] == len(point) - 1


def test_start_points_may_give_a_list_as_a_recipe_has_it():
    space = {"layers": {"randint": [1, 3]}, "widths": {"list": {"lograndint": [16, 256]}, "length": "layers"}}
    spec = spec_of(space, start_from=[{"layers": 2, "widths[1]": 64, "widths[2]": 32}])
    assert spec.recipe_of(spec.start_from[0])["widths"] == [64, 32]


@pytest.mark.parametrize(
    ("name", "range_", "path", "words"),
    [
        ("widths", {"list": {"lograndint": [16, 256]}, "length": "hiden"}, "space.widths.length", "legal"),
        ("widths", {"list": {"lograndint": [16, 999]}, "length": 2}, "space.widths.list", "512"),
        ("widths", {"list": {"lograndint": [16]}, "length": 2}, "space.widths.list.lograndint", "items"),
        ("rate", {"list": {"uniform": [0, 1]}, "length": 2}, "space.rate", "is not a list"),
        ("widths", {"list": {"randint": [1, 9]}, "length": "hidden"}, "space.widths.length", "from 1 to 64"),
    ],
)
def test_faulty_lists_are_named(name, range_, path, words):
    assert words in fault_of({**HIDDEN, name: range_})[path]


@pytest.mark.parametrize(
    ("name", "range_", "words"),
    [
        ("bias", {"normal": [0, 1]}, "from -3.09023 to 3.09023, normal with mean 0 and deviation 1"),
        ("rate", {"lognormal": [-4, 1]}, "its natural logarithm is normal with mean -4"),
        ("bias", {"qnormal": [0, 2, 0.5]}, "from -6 to 6 in steps of 0.5, normal"),
        ("hidden", {"qlognormal": [4, 1, 8]}, "from 8 to 1200 in steps of 8; its natural"),
        ("hidden", {"qloguniform": [16, 256, 16]}, "from 16 to 256 in steps of 16, logarithmic"),
    ],
)
def test_ranges_are_shown_with_their_distribution(name, range_, words):
    if name == "hidden" and "qlognormal" in range_:
        range_ = {"qlognormal": [4, 0.8, 8]}
        words = "in steps of 8; its natural logarithm is normal with mean 4"
    (row,) = rows(spec_of({name: range_}))
    assert words in row.values


@pytest.mark.parametrize(
    ("name", "range_", "words"),
    [
        ("bias", {"normal": [0, 0]}, "must be above 0"),
        ("bias", {"normal": [0, 1, 2]}, "legal: [mean, deviation]"),
        ("rate", {"normal": [0, 1]}, "is not a number from 0 to 10"),
        ("rate", {"lognormal": [0, 1e6]}, "too large"),
        ("bias", {"qnormal": [0, 1, 100]}, "too large for values"),
        ("hidden", {"normal": [64, 8]}, "whole numbers only"),
        ("rate", {"qloguniform": [0, 1, 0.1]}, "must start above 0"),
    ],
)
def test_faulty_distributions_are_named(name, range_, words):
    assert any(words in message for message in fault_of({name: range_}).values())


@pytest.mark.parametrize("sampler", ["auto", "tpe", "random", "qmc", "gp"])
def test_every_sampler_proposes_such_points(sampler):
    from hpo.core.events import End
    from hpo.use_cases.search.assembly import searcher_of

    space = {
        "bias": {"normal": [0, 1]},
        "hidden": {"qloguniform": [16, 256, 16]},
        "layers": {"randint": [1, 3]},
        "widths": {"list": {"qlognormal": [4, 0.5, 8]}, "length": "layers"},
        "bottleneck": {"expression": "hidden // 2"},
    }
    if sampler == "gp":
        space = {name: range_ for name, range_ in space.items() if name != "widths"}
    spec = spec_of(space, sampler=sampler)
    searcher = searcher_of(spec)
    for trial in range(14):
        point = searcher.ask(trial)
        assert spec.space.complaints(point) == []
        searcher.started(trial, point)
        searcher.report(trial, 1, point["bias"] ** 2)
        searcher.tell(trial, End.FINISHED, point["bias"] ** 2)
