"""Spaces: what exists, what is legal, what the prior draws, what a grid holds."""

import math
from random import Random

import pytest

from hpo.core.space import Among, Between, Choice, Integer, Parameter, Space, Uniform

OPTIMIZER = Parameter("optimizer", Choice(("sgd", "adam")))
MOMENTUM = Parameter("momentum", Uniform(0.5, 0.99), (("optimizer", Among(("sgd",))),))
NESTEROV = Parameter("nesterov", Choice((True, False)), (("momentum", Between(low=0.8)),))
SPACE = Space((NESTEROV, MOMENTUM, OPTIMIZER))


def test_parameters_follow_those_they_depend_on():
    assert [p.name for p in SPACE.parameters] == ["optimizer", "momentum", "nesterov"]


def test_a_draw_has_exactly_the_existing_parameters():
    random = Random(0)
    for _ in range(200):
        point = SPACE.sample(random)
        assert SPACE.complaints(point) == []
        assert ("momentum" in point) == (point["optimizer"] == "sgd")
        assert ("nesterov" in point) == (point.get("momentum", 0) >= 0.8)


@pytest.mark.parametrize(
    ("point", "name", "words"),
    [
        ({"optimizer": "adam", "momentum": 0.9}, "momentum", "does not exist"),
        ({"optimizer": "sgd"}, "momentum", "missing"),
        ({"optimizer": "sgd", "momentum": 0.2}, "momentum", "0.2 is not a number from 0.5 to 0.99"),
        ({"optimizer": "lbfgs"}, "optimizer", "'lbfgs' is not one of sgd, adam"),
        ({"optimizer": "adam", "width": 3}, "width", "not a parameter"),
    ],
)
def test_faults_are_named(point, name, words):
    found = dict(SPACE.complaints(point))
    assert words in found[name]


def test_forbidden_combinations_are_never_drawn_and_their_share_is_known():
    forbid = ((("optimizer", Among(("sgd",))), ("momentum", Between(high=0.745))),)
    space = Space((OPTIMIZER, MOMENTUM), forbid)
    random = Random(1)
    points = [space.sample(random) for _ in range(300)]
    assert all(p.get("momentum", 1) > 0.745 for p in points)
    assert space.feasible_share(draws=4000) == pytest.approx(0.75, abs=0.03)


def test_a_space_that_forbids_everything_is_reported():
    space = Space((OPTIMIZER,), ((("optimizer", Among(("sgd", "adam"))),),))
    with pytest.raises(ValueError, match="forbid excludes every point"):
        space.sample(Random(0), attempts=50)


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ((OPTIMIZER, OPTIMIZER), "twice"),
        ((MOMENTUM,), "depends on optimizer"),
        (
            (
                Parameter("a", Choice((1,)), (("b", Among((1,))),)),
                Parameter("b", Choice((1,)), (("a", Among((1,))),)),
            ),
            "cycle",
        ),
    ],
)
def test_an_impossible_space_is_refused(parameters, words):
    with pytest.raises(ValueError, match=words):
        Space(parameters)


def test_a_grid_counts_conditions_and_forbidden_points():
    a, b = Parameter("a", Choice((1, 2))), Parameter("b", Integer(1, 3), (("a", Among((1,))),))
    space = Space((a, b), ((("b", Among((2,))),),))
    assert list(space.grid()) == [{"a": 1, "b": 1}, {"a": 1, "b": 3}, {"a": 2}]
    assert space.combinations() == 3
    assert SPACE.combinations() == math.inf


def test_true_is_not_the_number_one():
    choice = Choice((1, True, [8, 16]))
    assert choice.index(True) == 1
    assert choice.index(1) == 0
    assert choice.index([8, 16]) == 2
    assert not Choice((1, 2)).contains(True)
    assert not Integer(0, 3).contains(True)


def test_a_quantized_range_holds_its_bounds():
    domain = Uniform(0.1, 0.5, step=0.1)
    assert domain.grid() == [0.1, 0.2, 0.3, 0.4, 0.5]
    assert domain.contains(0.3)
    assert not domain.contains(0.35)


@pytest.mark.parametrize(
    ("domain", "middle"),
    [(Uniform(1e-4, 1.0, log=True), 1e-2), (Integer(1, 1023, log=True), 22), (Uniform(0, 10), 5)],
)
def test_half_of_the_prior_is_below_its_middle(domain, middle):
    random = Random(0)
    draws = [domain.sample(random) for _ in range(4000)]
    assert sum(draw <= middle for draw in draws) / 4000 == pytest.approx(0.5, abs=0.03)
    assert all(domain.contains(draw) for draw in draws)


def test_whole_numbers_in_steps_keep_to_their_steps():
    units = Integer(32, 512, step=32)
    assert units.count() == len(units.grid()) == 16
    assert {units.sample(Random(seed)) for seed in range(400)} == set(units.grid())
    assert [value for value in (64, 65, 64.0) if units.contains(value)] == [64]
    assert units.legal() == "a whole number from 32 to 512 in steps of 32"
