"""What is built from a spec."""

import pytest

from hpo.core.events import End
from hpo.spec import parse_spec
from hpo.use_cases.search.assembly import searcher_of


def proposals(budget, seconds):
    """The points that a search proposes if an epoch takes ``seconds(batch size)``."""
    spec = parse_spec(
        {
            "version": 1,
            "data": {"source": "digits"},
            "trainable": "image_classifier",
            "space": {"learning_rate": {"loguniform": [1e-4, 1]}, "batch_size": {"choice": [16, 64, 256]}},
            "scheduler": {"max_epochs": 9},
            "budget": budget,
            "finalists": {"count": 1, "seeds": 1},
        }
    )
    searcher, points = searcher_of(spec), []
    for trial in range(20):
        point = searcher.ask(trial)
        points.append(point)
        searcher.started(trial, point)
        searcher.timed(trial, seconds(point["batch_size"]))
        searcher.report(trial, 1, point["learning_rate"])
        searcher.tell(trial, End.FINISHED, point["learning_rate"])
    return points


@pytest.mark.parametrize(
    ("budget", "weighed"),
    [
        ({"trials": 20}, False),
        ({"epochs": 900}, False),
        ({"hours": 1.0}, True),
        ({"trials": 20, "hours": 1.0}, True),
    ],
)
def test_the_time_of_an_epoch_counts_only_where_the_budget_is_a_time(budget, weighed):
    same = proposals(budget, lambda size: 1.0) == proposals(budget, lambda size: 64 / size)
    assert same is not weighed
