"""Ranges shrink around the best trials, and only with evidence."""

from random import Random

import pytest

from hpo.core.grammar import Hyperparameter
from hpo.core.space import Choice, Integer, Parameter, Space, Uniform
from hpo.spec.narrowing import EDGE, narrowed

SPACE = Space(
    (
        Parameter("rate", Uniform(1e-4, 1.0, log=True)),
        Parameter("depth", Integer(1, 12)),
        Parameter("share", Uniform(0.0, 1.0, step=0.1)),
        Parameter("kind", Choice(("a", "b", "c"))),
    )
)


def found(score, trials=80, seed=0, limits=None, winner=None):
    random = Random(seed)
    points = [SPACE.sample(random) for _ in range(trials)]
    scores = [score(point) for point in points]
    best = winner or points[max(range(trials), key=scores.__getitem__)]
    return {each.name: each for each in narrowed(SPACE, points, scores, best, limits or {})}


def near(point):
    return -((point["depth"] - 6) ** 2) / 10 - 3 * (point["kind"] == "c")


def test_influential_ranges_shrink_around_the_winner_and_keep_their_kind():
    changes = found(near)
    depth = changes["depth"].new
    assert isinstance(depth, Integer)
    assert 1 < depth.low <= 6 <= depth.high < 12
    assert changes["kind"].new == Choice(("a", "b"))


def test_a_dropped_one_does_not_take_true_along():
    space = Space((Parameter("bias", Choice((True, 1, "none"))),))
    points = [{"bias": value} for value in (True, 1, "none") for _ in range(40)]
    scores = [1.0 if point["bias"] is True else 0.0 for point in points]
    (change,) = narrowed(space, points, scores, {"bias": True}, {})
    assert [type(value) for value in change.new.values] == [bool]


@pytest.mark.parametrize("seed", range(5))
def test_ranges_without_influence_are_hardly_narrowed(seed):
    dice = Random(seed)
    for change in found(lambda point: dice.random(), seed=seed).values():
        assert not isinstance(change.new, Choice)
        assert (
            change.edge
            or change.new.high - change.new.low > 0.4 * (change.old.high - change.old.low)
            or (change.name == "rate")
        )


def test_a_rarely_tried_choice_is_kept():
    assert "kind" not in found(near, trials=9)


def test_a_range_grows_at_an_edge_up_to_the_legal_limit():
    def high(point):
        return point["rate"]

    limits = {"rate": Hyperparameter("rate", "float", 0.1, low=0.0, high=1.0)}
    at = {"rate": 0.99, "depth": 6, "share": 0.5, "kind": "a"}
    grown, stuck = (found(high, winner=at, limits=each)["rate"] for each in ({}, limits))
    assert grown.edge
    assert grown.new.high > 1.0
    assert stuck.edge
    assert stuck.new.high == 1.0
    assert "cannot grow" in stuck.why


def test_a_range_keeps_at_least_a_quarter_and_the_winner():
    def sharp(point):
        return -abs(point["share"] - 0.5)

    share = found(sharp)["share"].new
    assert share.step == 0.1
    assert share.low <= 0.5 <= share.high
    assert share.high - share.low >= 0.25 - EDGE


def test_with_few_trials_only_edges_count():
    changes = found(lambda point: point["rate"], trials=5, winner={"rate": 0.01, "depth": 12, "share": 0.5})
    assert set(changes) == {"depth"}
    assert changes["depth"].edge
    assert changes["depth"].new.high > 12
