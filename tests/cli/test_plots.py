"""A learning curve as a few lines of text."""

import math

from hpo.cli.plots import curve_lines


def test_a_curve_rises_from_the_lower_left_to_the_upper_right():
    assert list(curve_lines([(1, 0.5), (2, 0.7), (3, 0.9)], 3, width=30, height=3)) == [
        "0.9000 |  •",
        "       | •",
        "0.5000 |•",
        "       +---",
        "        1 3",
    ]


def test_a_training_that_ended_early_leaves_the_rest_of_the_axis_empty():
    lines = list(curve_lines([(1, 0.5), (10, 0.6)], 100, width=50, height=2))
    assert lines[0] == "0.6000 |    " + "•"
    assert lines[-2].endswith("+" + "-" * 50)
    assert lines[-1].endswith("100")
    assert len(lines[-1]) == len(lines[-2])


def test_missing_values_are_left_out():
    assert list(curve_lines([(1, math.nan), (2, math.inf)], 3)) == []
    flat = list(curve_lines([(1, 0.5), (2, math.nan), (3, 0.5)], 3, height=2))
    assert flat[:2] == ["       |", "0.5000 |• •"]
