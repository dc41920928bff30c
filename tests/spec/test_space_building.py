"""Parts imply conditions, and points are completed to recipes."""

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from hpo.core.errors import InvalidSpec
from hpo.core.space import Among, Between, Integer, Uniform
from hpo.spec import parse_spec
from hpo.spec.interface import Interface

Toy = Mapping[str, Interface]


def test_a_parameter_of_a_part_exists_if_the_part_is_chosen(document: dict[str, Any], toy: Toy) -> None:
    document["space"] |= {
        "optimizer.momentum": {"uniform": [0, 0.5]},
        "optimizer": {"choice": ["sgd", "slow", "adam"]},
        "augment.flip.p": {"uniform": [0, 1]},
        "augment.flip": {"choice": [True, False]},
    }
    spec = parse_spec(document, trainables=toy)
    names = [parameter.name for parameter in spec.space.parameters]
    assert names == ["rate", "width", "optimizer", "optimizer.momentum", "augment.flip", "augment.flip.p"]
    assert spec.space.by_name["optimizer.momentum"].when == (("optimizer", Among(("sgd", "slow"))),)
    assert spec.space.by_name["augment.flip.p"].when == (("augment.flip", Among((True,))),)
    for seed in range(50):
        recipe = spec.recipe_of(spec.space.sample(Random(seed)))
        assert ("momentum" in recipe["optimizer"]) == (recipe["optimizer"]["name"] != "adam")


def test_the_condition_names_only_offered_parts(document: dict[str, Any], toy: Toy) -> None:
    document["space"] |= {"optimizer.momentum": {"uniform": [0, 1]}, "optimizer": {"choice": ["sgd", "adam"]}}
    assert parse_spec(document, trainables=toy).space.by_name["optimizer.momentum"].when == (
        ("optimizer", Among(("sgd",))),
    )


def test_a_fixed_part_makes_its_parameters_unconditional(document: dict[str, Any], toy: Toy) -> None:
    document["recipe"] = {"optimizer": "adam", "augment": {"flip": {}}}
    document["space"] |= {"optimizer.beta": {"uniform": [0.5, 0.9]}, "augment.flip.p": {"uniform": [0, 1]}}
    space = parse_spec(document, trainables=toy).space
    assert space.by_name["optimizer.beta"].when == ()
    assert space.by_name["augment.flip.p"].when == ()


def test_written_conditions_join_the_implied_ones(document: dict[str, Any], toy: Toy) -> None:
    document["space"] |= {
        "optimizer": {"choice": ["sgd", "adam"]},
        "optimizer.beta": {"uniform": [0.5, 0.9], "when": {"width": {"low": 4}, "rate": {"high": 0.1}}},
    }
    assert parse_spec(document, trainables=toy).space.by_name["optimizer.beta"].when == (
        ("optimizer", Among(("adam",))),
        ("rate", Between(high=0.1)),
        ("width", Between(low=4)),
    )


def test_a_parameter_of_a_part_that_is_never_offered_is_a_fault(document: dict[str, Any], toy: Toy) -> None:
    document["space"] |= {"optimizer.beta": {"uniform": [0, 0.9]}, "optimizer": {"choice": ["sgd", "slow"]}}
    with pytest.raises(InvalidSpec, match="exists only if optimizer is adam, which it never is here"):
        parse_spec(document, trainables=toy)


def test_a_bound_that_one_of_the_parts_rejects_is_a_fault(document: dict[str, Any], toy: Toy) -> None:
    document["space"] |= {
        "optimizer.momentum": {"uniform": [0, 0.9]},
        "optimizer": {"choice": ["sgd", "slow"]},
    }
    with pytest.raises(InvalidSpec) as caught:
        parse_spec(document, trainables=toy)
    assert [fault.path for fault in caught.value.faults] == ["space.optimizer.momentum"]
    assert caught.value.faults[0].message == "0.9 is not a number from 0 to 0.5 where optimizer is slow"


def test_a_fixed_choice_may_belong_to_one_of_the_varied_parts(document: dict[str, Any], toy: Toy) -> None:
    document["recipe"] = {"optimizer": {"momentum": 0.3, "beta": 0.7}}
    document["space"]["optimizer"] = {"choice": ["sgd", "adam"]}
    spec = parse_spec(document, trainables=toy)
    base = {"rate": 0.1, "width": 8}
    assert spec.recipe_of({**base, "optimizer": "sgd"})["optimizer"] == {"name": "sgd", "momentum": 0.3}
    assert spec.recipe_of({**base, "optimizer": "adam"})["optimizer"] == {"name": "adam", "beta": 0.7}
    document["recipe"] = {"optimizer": {"betta": 0.7}}
    with pytest.raises(InvalidSpec, match=r"recipe\.optimizer\.betta"):
        parse_spec(document, trainables=toy)


def test_a_cycle_through_an_implied_condition(document: dict[str, Any], toy: Toy) -> None:
    document["space"] |= {
        "optimizer": {"choice": ["sgd", "adam"], "when": {"optimizer.beta": {"low": 0.5}}},
        "optimizer.beta": {"uniform": [0, 0.9]},
    }
    with pytest.raises(InvalidSpec, match=r"form a cycle: optimizer -> optimizer\.beta -> optimizer"):
        parse_spec(document, trainables=toy)


def test_switches_turn_parts_on_and_off(document: dict[str, Any], toy: Toy) -> None:
    document["recipe"] = {"augment": {"flip": {"p": 0.1}, "blur": True}}
    document["space"]["augment.flip"] = {"choice": [True, False]}
    spec = parse_spec(document, trainables=toy)
    base = {"rate": 0.1, "width": 8}
    assert spec.recipe_of({**base, "augment.flip": True})["augment"] == {
        "strength": 1.0,
        "flip": {"p": 0.1},
        "blur": {},
    }
    assert spec.recipe_of({**base, "augment.flip": False})["augment"] == {"strength": 1.0, "blur": {}}


def test_lists_are_choices(document: dict[str, Any], toy: Toy) -> None:
    document["space"]["sizes"] = {"choice": [[8], [8, 16]]}
    spec = parse_spec(document, trainables=toy)
    assert spec.recipe_of({"rate": 0.1, "width": 8, "sizes": [8, 16]})["sizes"] == [8, 16]


@pytest.mark.parametrize(
    ("sampler", "space", "able"),
    [
        ("cmaes", {"rate": {"uniform": [0, 1]}}, True),
        ("cmaes", {"optimizer": {"choice": ["sgd", "adam"]}}, False),
        (
            "cmaes",
            {"rate": {"uniform": [0, 1]}, "width": {"randint": [1, 3], "when": {"rate": {"low": 1}}}},
            False,
        ),
        ("gp", {"optimizer": {"choice": ["sgd", "adam"]}}, True),
        (
            "gp",
            {"rate": {"uniform": [0, 1]}, "width": {"randint": [1, 3], "when": {"rate": {"low": 1}}}},
            False,
        ),
        ("grid", {"width": {"randint": [1, 3]}, "rate": {"quniform": [0, 1, 0.5]}}, True),
        ("grid", {"rate": {"uniform": [0, 1]}}, False),
        ("qmc", {"optimizer": {"choice": ["sgd", "adam"]}, "optimizer.beta": {"uniform": [0, 0.5]}}, True),
    ],
)
def test_a_sampler_that_does_not_support_the_space_is_refused(
    sampler: str, space: dict[str, Any], able: bool, document: dict[str, Any], toy: Toy
) -> None:
    document |= {"sampler": sampler, "space": space}
    if able:
        assert parse_spec(document, trainables=toy).sampler.name == sampler
    else:
        with pytest.raises(InvalidSpec, match=f"sampler.name: {sampler} does not support"):
            parse_spec(document, trainables=toy)


@pytest.mark.parametrize("word", ["quniform", "qrandint"])
def test_whole_numbers_in_steps_can_be_written_either_way(
    word: str, document: dict[str, Any], toy: Toy
) -> None:
    document["space"]["width"] = {word: [8, 64, 8]}
    assert parse_spec(document, trainables=toy).space.by_name["width"].domain == Integer(8, 64, step=8)


def test_an_end_that_no_step_reaches_is_named(document: dict[str, Any], toy: Toy) -> None:
    document["space"] = {"rate": {"quniform": [0, 1, 0.3]}, "width": {"qrandint": [1, 64, 4]}}
    spec = parse_spec(document, trainables=toy)
    assert spec.space.by_name["rate"].domain == Uniform(0, 0.9, step=0.3)
    assert spec.space.by_name["width"].domain == Integer(1, 61, step=4)
    assert "space.rate: steps of 0.3 from 0 do not reach 1; the last value is 0.9" in spec.warnings
    assert "space.width: steps of 4 from 1 do not reach 64; the last value is 61" in spec.warnings


def test_steps_that_are_not_whole_do_not_fit_whole_numbers(document: dict[str, Any], toy: Toy) -> None:
    document["space"]["width"] = {"quniform": [1, 8, 0.5]}
    with pytest.raises(InvalidSpec, match="takes whole numbers only: use randint, qrandint"):
        parse_spec(document, trainables=toy)


def test_a_step_wider_than_its_range_is_a_fault(document: dict[str, Any], toy: Toy) -> None:
    document["space"]["width"] = {"qrandint": [1, 8, 9]}
    with pytest.raises(InvalidSpec, match="the step 9 must be above 0 and at most 7"):
        parse_spec(document, trainables=toy)


def test_a_space_with_fewer_points_than_trials_is_named(document: dict[str, Any], toy: Toy) -> None:
    document["space"] = {"width": {"randint": [1, 4]}}
    assert any(
        "4 different points, fewer than the 10 trials" in w
        for w in parse_spec(document, trainables=toy).warnings
    )
    document["space"] = {"width": {"randint": [1, 10]}}
    assert not any("different points" in w for w in parse_spec(document, trainables=toy).warnings)
