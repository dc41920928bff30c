"""The prior from usual values, and how far it is trusted."""

import math

import numpy as np
import pytest

from hpo.core.events import End
from hpo.core.space import Among, Choice, Integer, Parameter, Space, Uniform
from hpo.sampling.auto import AutoSearcher
from hpo.sampling.densities import prior_densities
from hpo.sampling.encoding import Encoding
from hpo.sampling.prior import BELIEF, UNTRIED, Prior

SPACE = Space(
    (
        Parameter("optimizer", Choice(("adam", "lars"))),
        Parameter("learning_rate", Uniform(1e-5, 1e-2, log=True)),  # not what is usual for lars
        Parameter("dropout", Uniform(0.0, 1.0), (("optimizer", Among(("adam",))),)),
        Parameter("depth", Integer(1, 9)),
    )
)
ENCODING = Encoding(SPACE)
PRIOR = Prior(ENCODING, prior_densities(SPACE))
ADAM, LARS = 0.25, 0.75
USUAL_RATE, USUAL_DROPOUT = 2 / 3, 0.2


def test_usual_values_are_most_plausible_and_unknown_parameters_do_not_count():
    usual_row = [ADAM, USUAL_RATE, USUAL_DROPOUT, 0.1]
    far = [ADAM, 0.0, USUAL_DROPOUT, 0.9]  # two decades off, where one is the spread
    rows = np.array([usual_row, far, [LARS, 0.0, 1.0, 0.5]])
    found = PRIOR.plausible(rows)
    assert found[0] == pytest.approx(0, abs=1e-12)
    assert found[1] == pytest.approx(math.log(UNTRIED * math.exp(-2) + 1 - UNTRIED))
    assert found[2] == 0  # no rate is usual for lars in this range, and dropout does not exist there
    assert Prior(ENCODING, [None] * 4).plausible(rows).tolist() == [0, 0, 0]


@pytest.mark.parametrize("better", [1.0, -1.0])
def test_trust_follows_the_scores_of_trials_near_the_usual_values(better):
    rows = np.full((20, 4), 0.5)
    rows[:, 0], rows[:10, 1], rows[10:, 1] = ADAM, USUAL_RATE, 0.05
    learned = PRIOR.learned(rows, np.where(np.arange(20) < 10, better, -better))
    assert learned.beliefs[1] == pytest.approx(BELIEF if better > 0 else 0, abs=0.01)
    assert learned.beliefs[2] == pytest.approx(BELIEF * 0.885, abs=0.001)  # no evidence either way
    assert learned.beliefs[[0, 3]].tolist() == [0, 0]
    assert PRIOR.beliefs[1] == UNTRIED


def test_rows_are_drawn_from_the_prior_as_often_as_it_is_trusted():
    drawn = PRIOR.draw(np.random.default_rng(0), 4000)
    adam = drawn[drawn[:, 0] < 0.5]
    near = np.abs(adam[:, 1] - USUAL_RATE) <= 1 / 3  # a decade
    inside = 0.683 / (0.477 + 0.341)  # of the bell, cut off two spreads below and one above
    assert near.mean() == pytest.approx(UNTRIED * inside + (1 - UNTRIED) * 2 / 3, abs=0.03)
    assert drawn[drawn[:, 0] > 0.5][:, 1].mean() == pytest.approx(0.5, abs=0.02)


def off_practice(tells, trials):
    """Return which proposals lie more than 1.5 decades from the usual learning rate."""
    space = Space((Parameter("learning_rate", Uniform(1e-8, 10.0, log=True)), Parameter("x", Uniform(0, 1))))
    searcher, off = AutoSearcher(space, "max", 4, (1, 3), 9), []
    for trial in range(trials):
        point = searcher.ask(trial)
        searcher.started(trial, point)
        value = tells(math.log10(point["learning_rate"]))
        searcher.report(trial, 1, value)
        searcher.tell(trial, End.STOPPED, value)
        off.append(abs(math.log10(point["learning_rate"]) + 3) > 1.5)
    return off


def test_a_search_follows_the_prior_while_trials_are_uninformative():
    assert sum(off_practice(lambda rate: 0.0, 15)[3:]) <= 1


def test_a_search_leaves_the_prior_when_trials_contradict_it():
    assert sum(off_practice(lambda rate: -abs(rate + 6), 25)[15:]) >= 7
