"""What `hpo check` says of a search before it starts."""

from hpo.cli.check_report import time_rows
from hpo.use_cases.forecast import BudgetForecast, TrainingPace


def test_the_duration_follows_from_the_pace_of_a_past_search():
    pace = TrainingPace("digits-1", 1.25, 2)
    assert list(time_rows(BudgetForecast(None, pace, pace.hours(5760), 0.05))) == [
        (
            "time",
            "about 1 h 00 min for the search and 3 min 00 s for the finalists, with 2 at once "
            "and 1.25 s per epoch as in digits-1",
        )
    ]
    assert list(time_rows(BudgetForecast(None))) == []
