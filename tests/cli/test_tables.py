"""The last word of a search, and the small words in it."""

import math

import pytest

from hpo.cli.formatting import count, duration, jsonable, number, plain, spread
from hpo.cli.session import Session
from hpo.cli.tables import standing, summary, with_best_so_far
from hpo.core.home import Home
from hpo.core.outcome import outcome_of
from hpo.core.progress import progress_of
from tests.cli import stories


def test_the_end_names_winner_validation_test_recipe_and_ui():
    shown = dict(summary(outcome_of("digits-1", stories.history(stories.won()), "/x/recipe.yaml"), "hpo ui"))
    assert shown == {
        "search": "digits-1: done",
        "trials": "2 finished, 1 stopped, 1 failed",
        "spent": "4 of 4 trials, 40 of 100 epochs, 0.01639 hours",
        "winner": "trial 2",
        "because": "the best mean",
        "chosen": "optimizer=sgd optimizer.momentum=0.9 learning_rate=0.01235",
        "validation": "accuracy 0.9400 ± 0.0141 (mean ± standard deviation over 2 fresh seeds)",
        "test": "accuracy 0.9200, 95 % interval 0.8800 to 0.9500 over 360 test examples "
        "(practice data: no scientific claim)",
        "written to": "/x/recipe.yaml",
        "look at it": "hpo ui",
    }


def test_the_lucky_score_stands_above_what_is_left_of_it():
    numbers = {
        "raw": {"trial": 1, "value": 0.95},
        "fresh": {"value": 0.93, "low": 0.91, "high": 0.945},
        "bootstrap": 0.935,
        "winner": {"value": 0.94, "low": None, "high": None},
    }
    shown = dict(summary(outcome_of("digits-1", stories.history(stories.won()), "", numbers), "hpo ui"))
    assert shown["best score"] == "accuracy 0.9500 by trial 1, once: the luckiest score"
    assert shown["less luck"] == (
        "accuracy 0.9300 by fresh seeds (95 % interval 0.9100 to 0.9450), 0.9350 by a bootstrap over trials"
    )
    assert shown["validation"].endswith("over 2 fresh seeds)")
    known = {**numbers, "bootstrap": None, "winner": {"value": 0.94, "low": 0.92, "high": 0.96}}
    shown = dict(summary(outcome_of("digits-1", stories.history(stories.won()), "", known), "hpo ui"))
    assert shown["validation"].endswith("over 2 fresh seeds), 95 % interval 0.9200 to 0.9600")
    assert "bootstrap" not in shown["less luck"]


def test_a_sealed_test_part_is_said_to_be_sealed():
    story = [event for event in stories.won() if not type(event).__name__.startswith("Test")]
    shown = dict(summary(outcome_of("digits-1", stories.history(iter(story))), "hpo ui"))
    assert shown["test"] == "still sealed; `hpo test digits-1` opens it, once"
    assert "written to" not in shown


def test_a_search_without_a_winner_says_why():
    story = iter([*stories.searched(), stories.events.SearchEnded("failed", "the disk is full")])
    shown = dict(summary(outcome_of("digits-1", stories.history(story)), "hpo ui"))
    assert shown["search"] == "digits-1: failed (the disk is full)"
    assert set(shown) == {"search", "trials", "spent"}


def test_the_best_so_far_is_no_winner():
    history = stories.history(stories.searched())
    shown = dict(summary(with_best_so_far(outcome_of("digits-1", history), history), "hpo ui"))
    assert shown["best so far"] == "trial 2"
    assert shown["validation"] == "accuracy 0.9500"
    assert not {"winner", "test", "written to"} & set(shown)


def test_progress_as_json_names_everything():
    shown = standing(progress_of(stories.history(stories.won())))
    assert shown["best"] == {"trial": 2, "value": 0.95}
    assert shown["rungs"] == [{"epoch": 3, "trials": 3}, {"epoch": 9, "trials": 2}]
    assert shown["finalists"] == [{"trial": 2, "n": 2, "mean": pytest.approx(0.94)}]
    assert shown["budget"][0] == {"unit": "trials", "spent": 4, "limit": 4}
    assert standing(progress_of(stories.history(iter(()))))["best"] is None


def test_hints_name_the_home_that_was_typed(tmp_path):
    assert Session(Home.at(tmp_path), False).command("ui") == "hpo ui"
    assert Session(Home.at("a b"), False, "a b").command("ui") == "hpo --home 'a b' ui"


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (math.nan, "-"), (3, "3"), (12345, "12,345"), (0.123456, "0.1235"), (12345.6, "12,345.6")],
)
def test_numbers(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1 min 00 s"), (3725, "1 h 02 min"), (math.nan, "-")],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_values_as_yaml_writes_them():
    assert [plain(each) for each in (True, None, 1, 0.1, "sgd", [1, 0.5])] == [
        "true",
        "null",
        "1",
        "0.1",
        "sgd",
        "[1, 0.5]",
    ]


def test_small_words():
    assert (count(1, "trial"), count(2, "trial")) == ("1 trial", "2 trials")
    assert (spread(0.5, 0.1), spread(0.5, math.nan)) == ("0.5000 ± 0.1000", "0.5000")
    assert jsonable({"a": (1, math.inf), 2: True}) == {"a": [1, None], "2": True}
