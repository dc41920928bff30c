"""Numbers, durations, budgets and choices formatted for people."""

import math

import pytest

from hpo.core.estimates import ScoreInterval
from hpo.core.formatting import (
    choices,
    count,
    duration,
    interval_text,
    number,
    plain,
    score,
    signed,
    spent,
    spread,
    states,
    with_interval,
)
from hpo.core.spending import BudgetUse


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (math.nan, "-"),
        (3, "3"),
        (12345, "12,345"),
        (0.123456, "0.1235"),
        (12345.6, "12,345.6"),
        (123456.78, "123,457"),
        (1.7e9 + 0.25, "1.7e+09"),
    ],
)
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"),
        (math.nan, "-"),
        (math.inf, "-"),
        (0.0, "0.0000"),
        (0.94, "0.9400"),
        (1.0, "1.000"),
        (-0.5, "-0.5000"),
        (0.077838681, "0.07784"),
        (12.3456, "12.35"),
        (12345.6, "12,346"),
        (0.0000123456, "1.235e-05"),
        (123456.78, "123,457"),
        (1234567.8, "1.23457e+06"),
        (-1.0e18, "-1e+18"),
    ],
)
def test_scores_have_four_significant_digits(value, text):
    assert score(value) == text


def test_a_spread_and_an_interval_have_the_decimals_of_their_value():
    assert spread(0.5, 0.1) == "0.5000 ± 0.1000"
    assert spread(0.0778, 0.00123) == "0.07780 ± 0.00123"
    assert spread(0.5, math.nan) == "0.5000"
    assert with_interval(ScoreInterval(12.345, 9.9, 15)) == "12.35 (95 % interval 9.90 to 15.00)"
    assert with_interval(ScoreInterval(0.5)) == "0.5000"
    assert (
        with_interval(ScoreInterval(0.012, 0.001, 12345.678)) == "0.01200 (95 % interval 0.00100 to 12,345.7)"
    )
    assert spread(0.5, 1.5e7) == "0.5000 ± 1.5e+07"
    assert signed(-0.01234, 0.9) == "-0.0123"
    assert signed(25.0, 12345.6) == "+25"
    assert interval_text(None) == interval_text(ScoreInterval(0.5, 0.4, math.nan)) == ""


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3725, "1 h 02 min"), (math.nan, "-")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("use", "text"),
    [
        (BudgetUse("trials", 4, 4), "4 of 4 trials (100 %)"),
        (BudgetUse("trials", 1, 1), "1 of 1 trial (100 %)"),
        (BudgetUse("epochs", 1), "1 epoch"),
        (BudgetUse("hours", 0.0164), "59 s"),
        (BudgetUse("hours", 0.5, 2.0), "30 min 00 s of 2 h 00 min (25 %)"),
        (BudgetUse("gpu_hours", 0.25, 1), "GPU time 15 min 00 s of 1 h 00 min (25 %)"),
    ],
)
def test_budgets_show_the_share_spent(use, text):
    assert spent([use], shares=True) == text
    assert spent([use, use]) == ", ".join([text.partition(" (")[0]] * 2)


def test_stopped_trials_are_shown_as_stopped_early():
    assert states({"running": 0, "finished": 2, "stopped": 1}) == "2 finished, 1 stopped early"
    assert states({"running": 0}) == ""


def test_values_are_written_as_in_yaml():
    values = (True, None, 1, 0.1, "sgd", [1, 0.5], {"on": False})
    assert [plain(value) for value in values] == [
        "true",
        "null",
        "1",
        "0.1",
        "sgd",
        "[1, 0.5]",
        "{on: false}",
    ]
    assert [plain(value) for value in ("true", "1e-3", "", "adam")] == ['"true"', '"1e-3"', '""', "adam"]
    assert choices({"optimizer": "sgd", "nesterov": True}) == "optimizer=sgd nesterov=true"


def test_nouns_are_singular_or_plural():
    assert (count(1, "trial"), count(2, "trial")) == ("1 trial", "2 trials")
