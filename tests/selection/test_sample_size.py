"""The number of examples that a comparison needs, compared with counting and with simulation."""

import numpy as np
import pytest
from scipy import special

from hpo.selection.sample_size import difference_told, examples_to_compare, least_examples


@pytest.mark.parametrize("alpha", [0.5, 0.05, 0.025, 0.001])
def test_below_the_minimum_number_no_result_is_significant(alpha):
    n = least_examples(alpha)
    assert 0.5**n <= alpha < 0.5 ** (n - 1)


@pytest.mark.parametrize(("difference", "alpha"), [(0.01, 0.05), (0.02, 0.025), (0.05, 0.05)])
def test_the_number_detects_the_difference_about_half_of_the_time(difference, alpha):
    """McNemar's test on drawn disagreements, where one example in ten is answered by one model alone."""
    rng = np.random.default_rng(0)
    n, disagree = examples_to_compare(difference, alpha), max(0.1, difference)
    ahead = rng.binomial(n, (disagree + difference) / 2, 20_000)
    behind = rng.binomial(n, (disagree - difference) / 2, 20_000)
    z = (ahead - behind) / np.sqrt(np.maximum(ahead + behind, 1))
    assert np.mean(z > special.ndtri(1 - alpha)) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize("n", [20, 150, 700, 10_000])
def test_the_detectable_difference_needs_that_number_of_examples(n):
    difference = difference_told(n, 0.05)
    assert examples_to_compare(difference, 0.05) == pytest.approx(n, abs=1)


def test_a_zero_difference_is_refused():
    with pytest.raises(ValueError, match="expected a difference"):
        examples_to_compare(0.0, 0.05)
