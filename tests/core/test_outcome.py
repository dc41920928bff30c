"""The outcome states the content of the record in a machine-readable form."""

import json
import math

from hpo.core import events
from hpo.core.estimates import LuckiestScore, ScoreEstimates, ScoreInterval
from hpo.core.events import End
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.outcome import outcome_of
from hpo.core.record import Recorded

RECIPE = {"learning_rate": 0.1, "optimizer": {"name": "sgd"}}


def history(*more):
    story = [
        events.SearchOpened({}, "d", {}, {}),
        events.TrialStarted(0, 0, {"learning_rate": 0.1}, RECIPE, 1, "sampler"),
        events.Reported(0, 0, 1, {"validation/accuracy": 0.5}, 1.0),
        events.TrialEnded(0, 0, End.FINISHED, 1, 0.5),
        events.TrialStarted(1, 0, {"learning_rate": 0.2}, RECIPE, 1, "sampler"),
        events.TrialEnded(1, 0, End.FAILED, 0, math.nan),
        *more,
    ]
    return History.of((Recorded(n, 0.0, e) for n, e in enumerate(story, 1)), Objective("accuracy"))


def test_a_search_with_a_winner_and_a_test_score():
    score = {"accuracy": {"value": 0.8, "low": 0.7, "high": 0.9}}
    over = history(
        events.WinnerNamed(0, 1, 0.81, 0.02, 3, "best mean"),
        events.TestScored(score, 360, "t", practice=True),
        events.SearchEnded("done"),
    )
    outcome = outcome_of("digits-1", over, "/x/recipe.yaml")
    assert outcome.exit_code == 0
    assert outcome.practice
    assert outcome.to_json() == {
        "search": "digits-1",
        "status": "done",
        "trials": {"finished": 1, "stopped": 0, "failed": 1},
        "best": {"trial": 0, "recipe": RECIPE, "validation": {"mean": 0.81, "std": 0.02, "n": 3}},
        "test": score,
        "recipe_path": "/x/recipe.yaml",
    }


def test_whatever_a_search_can_end_with_has_its_place():
    first = {
        "when": "2026-01-02",
        "by": "anna",
        "search": "old-1",
        "recipe": "r",
        "scores": {},
        "overlap": 1.0,
    }
    member = {"trial": 0, "replicate": 1, "file": "0-1.safetensors", "sha256": "s"}
    over = history(
        events.FinalistsNamed((0,), "the search phase ended after 2 of 9 trials"),
        events.WinnerNamed(0, 1, 0.81, 0.02, 3, "best mean", (0, 1), 4),
        events.ModelFixed("ensemble", (member,), "m", "the mean prediction of 3 trainings"),
        events.TestRefused("the test part stays sealed", first, 2),
        events.SearchEnded("done"),
    )
    assert outcome_of("digits-1", over).to_json() == {
        "search": "digits-1",
        "status": "done",
        "trials": {"finished": 1, "stopped": 0, "failed": 1},
        "saved": "the search phase ended after 2 of 9 trials",
        "best": {
            "trial": 0,
            "recipe": RECIPE,
            "validation": {"mean": 0.81, "std": 0.02, "n": 3},
            "tied": [0, 1],
            "trainings_saved": 4,
        },
        "test": None,
        "recipe_path": None,
        "test_refused": {"message": "the test part stays sealed", "first": first, "looks": 2},
        "model": {"kind": "ensemble", "reason": "the mean prediction of 3 trainings", "digest": "m"},
    }


def test_a_test_score_that_disagrees_with_the_validation_score_is_said_in_the_outcome():
    score = {"accuracy": {"value": 0.615, "low": 0.546, "high": 0.68}}
    over = history(
        events.WinnerNamed(0, 1, 0.81, 0.02, 3, "best mean"),
        events.TestScored(score, 360, "t", practice=True),
        events.SearchEnded("done"),
    )
    corrected = ScoreInterval(0.796, 0.711, 0.855)
    numbers = ScoreEstimates(
        LuckiestScore(1, 0.9),
        None,
        None,
        None,
        {"accuracy": ScoreInterval(0.615, 0.546, 0.68)},
        (),
        corrected,
    )
    shown = outcome_of("digits-1", over, numbers=numbers).to_json()
    assert "disagree by more than both intervals" in shown["attention"][0]
    assert list(shown)[:3] == ["search", "status", "attention"]


def test_unknown_values_are_null():
    outcome = outcome_of("digits-1", history(events.SearchEnded("no_trial_succeeded", "all diverged")))
    shown = outcome.to_json()
    assert (shown["best"], shown["test"], shown["recipe_path"]) == (None, None, None)
    assert outcome.reason == "all diverged"


def test_the_spread_of_one_seed_is_null():
    over = history(events.WinnerNamed(0, 1, 0.81, math.nan, 1, "the only one"), events.SearchEnded("done"))
    shown = json.loads(json.dumps(outcome_of("s-1", over).to_json(), allow_nan=False))
    assert shown["best"]["validation"] == {"mean": 0.81, "std": None, "n": 1}


def test_exit_codes():
    codes = {
        status: outcome_of("s", history(events.SearchEnded(status))).exit_code
        for status in ("done", "failed", "stopped", "no_trial_succeeded")
    }
    assert codes == {"done": 0, "failed": 1, "stopped": 1, "no_trial_succeeded": 4}
