"""Budgets reserve the end of a search first, and forecasts agree with the rung rule itself."""

import math
from random import Random

import pytest

from hpo.core.asha import AshaRule
from hpo.core.budget import Budget, forecast, reserved_epochs
from hpo.core.rungs import milestones


@pytest.mark.parametrize(("trials", "factor"), [(1, 3), (10, 3), (60, 3), (60, 2), (300, 4)])
def test_the_forecast_is_between_fixed_and_redrawn_values(trials: int, factor: int) -> None:
    """With new values at every rung, exactly one in ``factor`` later arrivals continues."""
    rungs, horizon = milestones(1, factor, 27), 27
    bought = forecast(Budget(trials=trials), rungs, factor, horizon, 0, "asha")
    random, least = Random(1), 0
    for _ in range(20):
        rule = AshaRule(rungs, factor, "max")
        for _ in range(trials):
            least += next((rung for rung in rungs if not rule.report(rung, random.random())), horizon)
    assert 0.9 * least / 20 <= bought.epochs <= trials * horizon
    assert bought.trials == trials
    assert 1 <= bought.fully_trained <= trials


def test_the_cost_of_a_long_search_follows_from_its_rungs() -> None:
    bought = forecast(Budget(trials=10**6), (1, 3, 9), 3, 27, 0, "asha")
    assert bought.epochs / 10**6 == pytest.approx(1 + 2 / 3 + 6 / 9 + 18 / 27, rel=0.1)
    assert bought.fully_trained / 10**6 == pytest.approx(1 / 27, rel=0.3)


def test_without_early_stopping_every_trial_is_a_full_training() -> None:
    bought = forecast(Budget(epochs=1000), (), 3, 10, 100, "asha")
    assert (bought.trials, bought.fully_trained, bought.epochs) == (90, 90, 900)
    assert bought.full_trainings == 90


def test_the_first_limit_of_trials_and_epochs_binds() -> None:
    rungs = milestones(3, 3, 27)
    few = forecast(Budget(trials=10, epochs=10_000), rungs, 3, 27, 243, "asha")
    assert few.trials == 10
    bound = forecast(Budget(trials=10_000, epochs=1_000), rungs, 3, 27, 243, "asha")
    assert bound.epochs == 1_000 - 243
    within = forecast(Budget(trials=bound.trials), rungs, 3, 27, 243, "asha")
    assert within.epochs == pytest.approx(757, rel=0.1)


def test_a_huge_budget_is_forecast_at_once() -> None:
    assert forecast(Budget(epochs=10**9), milestones(1, 2, 10**6), 2, 10**6, 0, "asha").trials > 10_000


def test_reserved_epochs_are_not_spent_by_the_search() -> None:
    assert reserved_epochs(27, 3, 5) == 405
    assert reserved_epochs(27, 3, 5, folds=2) == 810
    assert Budget(epochs=500).search_epochs(405) == 95
    assert Budget(epochs=100).search_epochs(405) == 0
    assert Budget(trials=5).search_epochs(405) is None


def test_the_shorter_of_hours_and_gpu_hours_binds() -> None:
    assert Budget(hours=2).search_seconds() == 7200
    assert Budget(hours=2, gpu_hours=2).search_seconds(gpus_at_once=4) == 1800
    assert Budget(hours=2, gpu_hours=100).search_seconds(gpus_at_once=4) == 7200
    assert Budget(gpu_hours=2).search_seconds(gpus_at_once=0) is None
    assert Budget(trials=3).search_seconds(4) is None


@pytest.mark.parametrize(
    "limits", [{}, {"trials": 0}, {"epochs": -1}, {"hours": math.nan}, {"hours": math.inf}]
)
def test_invalid_budgets_are_refused(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="budget"):
        Budget(**limits)  # type: ignore[arg-type]


def test_time_alone_cannot_be_forecast() -> None:
    with pytest.raises(ValueError, match="only time is limited"):
        forecast(Budget(hours=1), (), 3, 10, 0, "asha")
