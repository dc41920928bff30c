"""Optuna gets the values of a space, and the prior where Optuna has it."""

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hpo.core.domains import Bell
from hpo.core.space import Choice, Integer, Uniform
from hpo.sampling.distributions import distribution


@pytest.mark.parametrize(
    ("domain", "expected"),
    [
        (Uniform(0.5, 2.0), FloatDistribution(0.5, 2.0)),
        (Uniform(0.5, 2.0, log=True), FloatDistribution(0.5, 2.0, log=True)),
        (Uniform(0.5, 2.0, step=0.25), FloatDistribution(0.5, 2.0, step=0.25)),
        (Uniform(0.5, 8.0, log=True, step=0.5), FloatDistribution(0.5, 8.0, log=True)),
        (Uniform(0.5, 2.0, bell=Bell(1.0, 0.2)), FloatDistribution(0.5, 2.0)),
        (Integer(1, 9), IntDistribution(1, 9)),
        (Integer(1, 9, log=True), IntDistribution(1, 9, log=True)),
        (Integer(1, 9, step=2), IntDistribution(1, 9, step=2)),
        (Choice(("a", 1, None, True)), CategoricalDistribution(["a", 1, None, True])),
        (Choice(([1, 2], {"b": 1})), CategoricalDistribution(["[1,2]", '{"b":1}'])),
    ],
)
def test_a_domain_has_the_same_values(domain, expected):
    assert distribution(domain) == expected
