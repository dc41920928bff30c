"""Counts agree with enumerating the space, and forecasts with simulated searches."""

import math
from collections.abc import Mapping
from typing import Any

import pytest

from hpo.core.space import Among, Between, Choice, Integer, Parameter, Space, Uniform
from hpo.spec import parse_spec, read_spec
from hpo.spec.interface import Interface
from hpo.spec.overview import space_overview
from hpo.spec.space_size import combinations

A = Parameter("a", Choice(("x", "y", "z")))
B = Parameter("b", Integer(1, 4), (("a", Among(("x", "y"))),))
C = Parameter("c", Uniform(0, 1, step=0.25), (("b", Between(low=3)),))
D = Parameter("d", Integer(1, 5))
E = Parameter("e", Choice((True, False)))
F = Parameter("f", Integer(0, 2), (("e", Among((True,))),))


@pytest.mark.parametrize(
    "space",
    [
        Space((A,)),
        Space((A, D)),
        Space((A, B, C, D, E, F)),
        Space((A, B, C, D, E, F), ((("a", Among(("z",))), ("d", Between(high=2))),)),
        Space((A, B, C, D, E, F), ((("c", Between(low=0.5)),), (("e", Among((True,))), ("f", Among((0,)))))),
        Space((A, B, D), ((("d", Between(low=1)),),)),
    ],
)
def test_the_count_equals_an_enumeration(space: Space) -> None:
    assert combinations(space) == sum(1 for _ in space.grid())


def test_large_and_infinite_spaces_are_counted_at_once() -> None:
    switches = [Parameter(f"s{i}", Choice((True, False))) for i in range(60)]
    parameters = [Parameter(f"s{i}.p", Integer(1, 9), ((f"s{i}", Among((True,))),)) for i in range(60)]
    assert combinations(Space((*switches, *parameters))) == pytest.approx(10.0**60)
    assert combinations(Space((A, Parameter("u", Uniform(0, 1))))) == math.inf
    tied = tuple((f"s{i}", Among((True,))) for i in range(60))
    assert combinations(Space(tuple(switches), (tied,))) is None


def test_facts_of_a_shipped_spec() -> None:
    found = space_overview(read_spec("digits"))
    assert found.combinations == math.inf
    assert 0 < found.feasible_share < 1
    assert (found.rungs, found.horizon, found.user_code) == ((3, 9), 27, None)
    assert found.forecast is not None
    assert found.forecast.trials >= 30
    momentum = next(row for row in found.rows if row.name == "optimizer.momentum")
    assert momentum.when.startswith("optimizer is ")


def test_a_budget_of_time_alone_has_no_forecast(
    document: dict[str, Any], toy: Mapping[str, Interface]
) -> None:
    document["budget"] = {"hours": 2}
    assert space_overview(parse_spec(document, trainables=toy)).forecast is None


def test_a_grid_ends_after_its_last_point(document: dict[str, Any], toy: Mapping[str, Interface]) -> None:
    document |= {"space": {"rate": {"choice": [0.1, 0.2, 0.3]}}, "sampler": "grid", "budget": {"trials": 60}}
    document["finalists"] = {"count": 1, "seeds": 1}
    bought = space_overview(parse_spec(document, trainables=toy)).forecast
    assert bought is not None
    assert bought.trials == 3
