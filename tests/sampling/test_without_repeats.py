"""A small space is tried whole before any of its points is proposed again."""

import pytest

from hpo.core.space import Choice, Parameter, Space
from hpo.sampling.non_adaptive import QmcSearcher, RandomSearcher
from hpo.sampling.optuna_searcher import OptunaSearcher
from hpo.sampling.without_repeats import WithoutRepeats

SPACE = Space((Parameter("flag", Choice((True, False))), Parameter("kind", Choice(("p", "q", "r")))))
SEARCHERS = {
    "random": lambda: RandomSearcher(SPACE, 0),
    "qmc": lambda: QmcSearcher(SPACE, 0),
    "tpe": lambda: OptunaSearcher(SPACE, "max", 0, "tpe", {}),
}


def proposed(searcher, trials):
    """The points of some trials, each of which starts before the next is proposed."""
    points = []
    for trial in range(trials):
        points.append(searcher.ask(trial))
        searcher.started(trial, points[-1])
    return points


@pytest.mark.parametrize("name", SEARCHERS)
def test_every_point_is_tried_before_one_is_repeated(name):
    points = proposed(WithoutRepeats(SEARCHERS[name](), SPACE, 0), 9)
    distinct = [tuple(sorted(point.items())) for point in points]
    assert len(set(distinct[:6])) == 6
    assert set(distinct[6:]) <= set(distinct[:6]), "then they are repeated"


def test_the_same_history_gives_the_same_proposals():
    once, again = (proposed(WithoutRepeats(RandomSearcher(SPACE, 0), SPACE, 0), 6) for _ in range(2))
    assert once == again
