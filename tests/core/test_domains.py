"""Ranges that are not uniform: their ends, their steps, and that positions and values belong together."""

import math
from random import Random

import pytest
from scipy.stats import kstest, norm

from hpo.core.domains import Bell, Uniform
from hpo.sampling.encoding import snapped, unit
from hpo.sampling.non_adaptive import at

NORMAL = Uniform(-5.18046, 7.18046, bell=Bell(1.0, 2.0))
LOGNORMAL = Uniform(math.exp(-7.09023), math.exp(-0.90977), log=True, bell=Bell(-4.0, 1.0))
STEPS = Uniform(16, 256, log=True, step=16.0)
QNORMAL = Uniform(-5, 7, step=0.5, bell=Bell(1.0, 2.0))
SHAPED = [NORMAL, LOGNORMAL, STEPS, QNORMAL]


@pytest.mark.parametrize("domain", SHAPED)
def test_every_value_lies_in_the_range_and_at_its_own_position(domain):
    values = [domain.quantile(share / 99) for share in range(100)]
    assert values == sorted(values)
    assert (values[0], values[-1]) == (pytest.approx(domain.low), pytest.approx(domain.high))
    for value in values:
        assert domain.contains(value)
        assert at(domain, unit(domain, value)) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(("domain", "transform"), [(NORMAL, float), (LOGNORMAL, math.log)])
def test_draws_have_the_declared_distribution(domain, transform):
    random, bell = Random(0), domain.bell
    draws = [transform(domain.sample(random)) for _ in range(4000)]
    assert kstest(draws, norm(bell.mean, bell.deviation).cdf).pvalue > 0.01


def test_steps_on_a_logarithmic_scale_are_as_likely_as_their_share_of_it():
    draws = [STEPS.sample(Random(seed)) for seed in range(3000)]
    assert {draw % 16 for draw in draws} == {0}
    assert abs(sum(draw <= 64 for draw in draws) / 3000 - math.log(72 / 8) / math.log(264 / 8)) < 0.03


@pytest.mark.parametrize("domain", [STEPS, QNORMAL])
def test_cells_of_one_step_have_one_feature(domain):
    import numpy as np

    cells = np.linspace(0.001, 0.999, 300)[:, None]
    values = {at(domain, cell) for cell in cells.ravel().tolist()}
    assert len(set(snapped(domain, cells).ravel().round(9))) == len(values)
