"""The mean of weights over the last epochs."""

import numpy as np
import pytest

from hpo.running.weight_mean import WeightMean


class Weights:
    def __init__(self, **arrays):
        self.arrays = arrays

    def weights(self):
        return self.arrays


def at(epoch):
    draw = np.random.default_rng(epoch)
    return Weights(
        w=draw.normal(size=(3, 2)).astype(np.float32),
        fitted=np.array([0.1, 1 / 3], np.float32),
        steps=np.array(epoch),
    )


def mean(epochs, after=0, start=None):
    grown = WeightMean(after)
    if start is not None:
        grown.restore(start)
    for epoch in epochs:
        grown.add(epoch, at(epoch))
    return grown


def test_it_is_the_mean_of_the_last_epochs():
    found = mean(range(1, 7), after=2).arrays()
    expected = np.mean([at(epoch).arrays["w"] for epoch in range(3, 7)], axis=0)
    np.testing.assert_allclose(found["w"], expected, atol=1e-6)
    assert found["w"].dtype == np.float32
    assert int(found["steps"]) == 6  # a counter is not averaged


@pytest.mark.parametrize("epochs", [1, 3, 7, 100])
def test_constant_weights_stay_bitwise_equal(epochs):
    np.testing.assert_array_equal(mean(range(1, epochs + 1)).arrays()["fitted"], at(0).arrays["fitted"])


def test_it_resumes_from_its_state_as_if_undisturbed():
    whole = mean(range(1, 9), after=3).arrays()
    for broken in (1, 3, 4, 6):
        state = mean(range(1, broken + 1), after=3).state()
        rest = mean(range(broken + 1, 9), after=3, start=state).arrays()
        assert {name: array.dtype for name, array in rest.items()} == {n: a.dtype for n, a in whole.items()}
        for name, array in whole.items():
            np.testing.assert_array_equal(rest[name], array, name)
