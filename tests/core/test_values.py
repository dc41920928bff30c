"""Recipes, seeds, objectives and rungs: small values with exact meanings."""

import math

import numpy as np
import pytest

from hpo.core import events
from hpo.core.asha import AshaRule, quantile
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.recipe import Recipe, digest, merge
from hpo.core.record import Recorded
from hpo.core.rungs import milestones
from hpo.core.seeds import derive


def test_recipes_are_equal_if_their_content_is():
    one, other = Recipe({"a": 1, "b": {"c": [1, 2]}}), Recipe({"b": {"c": [1, 2]}, "a": 1})
    assert one == other
    assert hash(one) == hash(other)
    assert one.digest == other.digest == digest({"a": 1, "b": {"c": [1, 2]}})
    assert one.flat() == {"a": 1, "b.c": [1, 2]}


def test_a_recipe_does_not_share_its_input():
    choices = {"b": {"c": 1}}
    recipe = Recipe(choices)
    choices["b"]["c"] = 2
    recipe.to_dict()["b"]["c"] = 3
    assert recipe["b"]["c"] == 1


def test_merging_recurses_into_mappings():
    assert merge({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"y": 3}}) == {"a": {"x": 1, "y": 3}, "b": 1}


def test_seeds_differ_by_purpose_and_are_exact_in_json():
    seeds = {derive(0, "train", trial, replicate) for trial in range(100) for replicate in range(5)}
    assert len(seeds) == 500
    assert all(0 <= seed < 2**53 for seed in seeds)
    assert derive(7, "train", 12) != derive(7, "train", 1, 2)


@pytest.mark.parametrize(("mode", "best"), [("max", 3.0), ("min", 1.0)])
def test_non_finite_values_are_never_best(mode, best):
    objective = Objective("x", mode)
    assert objective.best([math.nan, 1.0, math.inf, 3.0, -math.inf]) == best
    assert not objective.better(math.nan, 1.0)
    assert not objective.better(math.inf, 1.0)
    assert objective.better(1.0, math.nan)


def test_a_trial_counts_by_its_best_or_its_last_epoch():
    assert Objective("x", "max", "best").standing(0.9, 0.5) == 0.9
    assert Objective("x", "max", "last").standing(0.9, 0.5) == 0.5
    assert Objective("x", "max", "best").standing(math.nan, 0.5) == 0.5


def test_milestones():
    assert milestones(1, 3, 27) == (1, 3, 9)
    assert milestones(3, 3, 28) == (3, 9, 27)
    assert milestones(5, 3, 5) == ()


def test_the_quantile_agrees_with_numpy():
    random = np.random.default_rng(0)
    for _ in range(50):
        values = sorted(random.random(random.integers(1, 30)).tolist())
        share = float(random.random())
        assert quantile(values, share) == pytest.approx(np.quantile(values, share), abs=1e-12)


def test_the_first_trial_at_a_rung_continues_and_then_the_best_third():
    rule = AshaRule((3,), 3, "min")
    assert [rule.report(3, value) for value in (5.0, 6.0, 4.0, 5.5, 3.0)] == [True, False, True, False, True]
    assert rule.report(2, 100.0)


def test_active_time_excludes_stops_and_the_evaluator():
    history = History(Objective("x", "max"))
    day = 86_400.0
    for seq, (when, event) in enumerate(
        (
            (0.0, events.SearchOpened({}, "d", {}, {})),
            (10.0, events.FinalistsNamed(())),
            (day, events.SearchResumed({})),
            (day + 5, events.Warned("x")),
            (3 * day, events.TestClaimed(0, 1, "sha", "an evaluator whose clock is ahead")),
            (day + 7, events.RecipeExported("x", "d")),
            (day - 9, events.SearchEnded("done")),
        ),
        1,
    ):
        history.apply(Recorded(seq, when, event))
    assert history.active == 10 + 5 + 2
    assert history.seq == 7
