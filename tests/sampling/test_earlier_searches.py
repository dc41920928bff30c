"""Earlier searches help where they are related, and are soon ignored where they are not."""

import math
from random import Random

import numpy as np
import pytest

from hpo.core.events import End
from hpo.core.space import Among, Between, Choice, Parameter, Space, Uniform
from hpo.core.warm_start import EarlierTrials
from hpo.sampling.auto import AutoSearcher
from hpo.sampling.earlier_searches import EarlierSearches, best_and_different, graded, most_informative
from hpo.sampling.encoding import Encoding
from hpo.sampling.extrapolation import PartialResult, normal_scores

SPACE = Space(
    (
        Parameter("x", Uniform(1e-4, 1.0, log=True)),
        Parameter("y", Uniform(0.0, 1.0)),
        Parameter("kind", Choice(("a", "b"))),
        Parameter("own", Uniform(0.0, 1.0), (("kind", Among(("a",))),)),
    )
)


def height(point):
    """Lower is better, at x = 0.05 and y = 0.7 with kind b."""
    off = abs(math.log10(point["x"]) - math.log10(0.05))
    return off + abs(point["y"] - 0.7) + 0.5 * (point["kind"] == "a")


def learnt(score=lambda point: -height(point), names=("x", "y", "kind", "own"), n=60, seed=0):
    random = Random(seed)
    points = tuple(SPACE.sample(random) for _ in range(n))
    ranks = normal_scores(np.array([-score(point) for point in points]))
    return EarlierTrials("old-1", names, points, tuple(map(float, ranks)))


def reached(lessons, trials=12, seed=0):
    """The best height after some trials, and the searcher."""
    searcher, best = AutoSearcher(SPACE, "min", seed, (1, 3), 9, lessons), math.inf
    for trial in range(trials):
        point = searcher.ask(trial)
        searcher.started(trial, point)
        searcher.report(trial, 1, height(point))
        searcher.tell(trial, End.STOPPED, height(point))
        best = min(best, height(point))
    return best


def test_trials_are_graded_within_their_own_search():
    nowhere = np.empty(0)
    results = [PartialResult(nowhere, 9, 0.1, [0.5, 0.3, 0.1]), PartialResult(nowhere, 1, 0.9, [0.9])]
    results.append(PartialResult(nowhere, 1, math.inf, [], diverged=True))
    first, second, third = graded(results, 3)
    assert first > second > third
    assert graded([], 3) == []


def test_the_most_informative_trials_are_the_better_half_and_a_spread_of_the_rest():
    scores = [float(n) for n in range(100)]
    kept = most_informative(scores, 20)
    assert len(kept) == 20
    assert set(range(90, 100)) <= set(kept)
    assert min(kept) < 10
    assert most_informative(scores[:5], 20) == [0, 1, 2, 3, 4]


def test_it_predicts_known_trials_and_recognizes_noise():
    encoding, dice = Encoding(SPACE), Random(5)
    good, noise = (
        EarlierSearches(encoding, [learnt()]),
        EarlierSearches(encoding, [learnt(lambda point: dice.random())]),
    )
    x = good.features([{"x": 0.05, "y": 0.7, "kind": "b"}, {"x": 1e-4, "y": 0.0, "kind": "a", "own": 0.5}])
    assert good.mean(x)[0] > 1 > -0.5 > good.mean(x)[1]
    assert good.consistency > 0.9
    assert noise.consistency < 0.5


def test_parameters_that_are_not_shared_have_no_influence():
    earlier = EarlierSearches(Encoding(SPACE), [learnt(names=("y",))])
    x = earlier.features([{"x": 1e-4, "y": 0.7, "kind": "b"}, {"x": 1.0, "y": 0.7, "kind": "a", "own": 0.1}])
    assert earlier.mean(x)[0] == pytest.approx(earlier.mean(x)[1])


def test_the_best_come_first_and_differ_and_noise_is_tried_once():
    chosen = best_and_different(SPACE, [learnt()], 4)
    assert len(chosen) == 4
    assert height(chosen[0]) < 0.6
    assert all(a != b for n, a in enumerate(chosen) for b in chosen[:n])
    dice = Random(5)
    assert len(best_and_different(SPACE, [learnt(lambda point: dice.random())], 4)) <= 2


def test_points_that_the_new_space_forbids_are_not_tried_first():
    lessons = [learnt()]
    best = best_and_different(SPACE, lessons, 4)
    around = (("x", Between(low=0.9 * best[0]["x"], high=1.1 * best[0]["x"])),)
    stricter = Space(SPACE.parameters, forbid=(around, (("kind", Among((best[1]["kind"],))),)))
    assert stricter.forbidden(best[0])
    chosen = best_and_different(stricter, lessons, 4)
    assert chosen
    assert [point for point in chosen if stricter.forbidden(point)] == []
    nothing = Space(SPACE.parameters, forbid=((("y", Between(low=0.0)),),))
    assert best_and_different(nothing, lessons, 4) == []


def test_a_search_with_history_starts_where_others_ended():
    warm, cold = (np.mean([reached(each, seed=seed) for seed in range(3)]) for each in ([learnt()], []))
    assert warm < 0.7 * cold


def test_an_inverted_history_is_soon_ignored():
    misled = np.mean([reached([learnt(height)], trials=25, seed=seed) for seed in range(2)])
    assert misled < 0.2  # the best of 25 random points is 0.37


def test_without_lessons_nothing_changes():
    assert reached([]) == reached(())


def test_asking_with_lessons_changes_nothing():
    explained, quiet = (AutoSearcher(SPACE, "min", 0, (1, 3), 9, [learnt()]) for _ in range(2))
    for trial in range(8):
        point = explained.ask(trial)
        explained.ask(trial + 100)
        assert quiet.ask(trial) == point
        for searcher in (explained, quiet):
            searcher.started(trial, point)
            searcher.report(trial, 1, height(point))
