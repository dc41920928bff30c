"""What an epoch of a candidate costs, learned from the trials' times."""

import math

import numpy as np
import pytest

from hpo.core.space import Choice, Integer, Parameter, Space, Uniform
from hpo.sampling.costs import LEAST, MOST, Costs
from hpo.sampling.encoding import Encoding

SPACE = Space(
    (
        Parameter("rate", Uniform(1e-4, 1.0, log=True)),
        Parameter("width", Integer(8, 512, log=True)),
        Parameter("batch_size", Choice((16, 64, 256))),
    )
)
ENCODING = Encoding(SPACE)


def seconds_of(point):
    return 0.01 * point["width"] / point["batch_size"]


def observed(count, seconds, seed=0):
    costs, rows = Costs(ENCODING), np.random.default_rng(seed).random((count, ENCODING.width))
    for trial, row in enumerate(rows):
        costs.started(trial, row)
        costs.observe(trial, seconds(ENCODING.point(row)))
    return costs


def test_the_cost_of_widths_and_batch_sizes_is_predicted_as_a_factor():
    costs = observed(30, seconds_of)
    narrow, wide = ({"rate": 0.1, "width": width, "batch_size": 64} for width in (16, 256))
    small = wide | {"batch_size": 16}
    predicted = costs.relative(np.array([ENCODING.row(point) for point in (narrow, wide, small)]))
    assert np.exp(np.diff(predicted)) == pytest.approx([16, 4], rel=0.1)


def test_costs_are_relative_to_the_mean_of_the_trials():
    costs, rows = observed(30, seconds_of), np.random.default_rng(0).random((30, ENCODING.width))
    assert costs.relative(rows).mean() == pytest.approx(0.0, abs=1e-9)


def test_times_that_no_parameter_explains_are_not_weighed():
    noise = np.random.default_rng(3)
    costs = observed(40, lambda point: math.exp(0.3 * noise.standard_normal()))
    assert np.abs(costs.relative(np.random.default_rng(1).random((100, ENCODING.width)))).max() < 0.1


def test_nothing_is_predicted_from_few_trials_nor_from_equal_times():
    rows = np.random.default_rng(1).random((5, ENCODING.width))
    assert observed(LEAST - 1, seconds_of).relative(rows).tolist() == [0.0] * 5
    assert observed(LEAST, seconds_of).relative(rows).tolist() != [0.0] * 5
    assert observed(LEAST, lambda point: 2.0).relative(rows).tolist() == [0.0] * 5


def test_the_shortest_epoch_counts_in_whatever_order():
    rows, probe = np.random.default_rng(0).random((12, ENCODING.width)), np.full((1, ENCODING.width), 0.9)
    first, last, alone = (Costs(ENCODING) for _ in range(3))
    for trial, row in enumerate(rows):
        seconds = seconds_of(ENCODING.point(row))
        for costs, times in ((first, (seconds, 9.0)), (last, (9.0, seconds)), (alone, (seconds,))):
            costs.started(trial, row)
            for time in times:
                costs.observe(trial, time)
    assert first.relative(probe) == last.relative(probe) == alone.relative(probe)


def test_the_record_of_times_is_bounded_and_ended_trials_without_a_time_are_forgotten():
    costs = observed(MOST + 50, seconds_of)
    costs.started(1000, np.zeros(ENCODING.width))
    costs.ended(1000)
    costs.observe(1000, 1.0)
    costs.observe(0, 1e-9)  # its time was dropped with its row
    assert costs.relative(np.zeros((1, ENCODING.width))) == observed_late()


def observed_late():
    costs, rows = Costs(ENCODING), np.random.default_rng(0).random((MOST + 50, ENCODING.width))[50:]
    for trial, row in enumerate(rows):
        costs.started(trial, row)
        costs.observe(trial, seconds_of(ENCODING.point(row)))
    return pytest.approx(costs.relative(np.zeros((1, ENCODING.width))))
