"""How a search ended, line by line, and how far it is, as JSON."""

import pytest

from hpo.cli.summaries import progress_json, summary, with_best_so_far
from hpo.core.estimates import LuckiestScore, ScoreEstimates, ScoreInterval
from hpo.core.outcome import outcome_of
from hpo.core.progress import progress_of
from tests.cli import stories


def test_the_summary_names_winner_validation_test_recipe_and_ui():
    shown = dict(summary(outcome_of("digits-1", stories.history(stories.won()), "/x/recipe.yaml"), "hpo ui"))
    assert shown == {
        "search": "digits-1: done",
        "trials": "2 finished, 1 stopped early, 1 failed",
        "spent": "4 of 4 trials, 40 of 100 epochs, 59 s",
        "winner": "trial 2",
        "because": "the best mean",
        "chosen": "optimizer=sgd optimizer.momentum=0.9 learning_rate=0.01235",
        "validation": "accuracy 0.9400 ± 0.0141 (mean ± standard deviation over 2 fresh seeds)",
        "test": "accuracy 0.9200, 95 % interval 0.8800 to 0.9500 over 360 test examples "
        "(practice data: no scientific claim)",
        "written to": "/x/recipe.yaml",
        "look at it": "hpo ui",
    }


def test_the_luck_of_the_best_single_score_is_one_sentence():
    numbers = ScoreEstimates(
        LuckiestScore(1, 0.95), ScoreInterval(0.93, 0.91, 0.945), 0.935, ScoreInterval(0.94), None
    )
    shown = dict(summary(outcome_of("digits-1", stories.history(stories.won()), "", numbers), "hpo ui"))
    assert shown["luck"] == (
        "the best single score was 0.9500 (trial 1); without its luck that trial has 0.9300 "
        "(95 % interval 0.9100 to 0.9450) by its fresh seeds or 0.9350 by a bootstrap over trials"
    )
    assert shown["validation"].endswith("over 2 fresh seeds)")
    numbers = ScoreEstimates(
        LuckiestScore(1, 0.95), ScoreInterval(0.93), None, ScoreInterval(0.94, 0.92, 0.96), None
    )
    shown = dict(summary(outcome_of("digits-1", stories.history(stories.won()), "", numbers), "hpo ui"))
    assert shown["validation"].endswith("over 2 fresh seeds; 95 % interval 0.9200 to 0.9600)")
    assert shown["luck"].endswith("that trial has 0.9300 by its fresh seeds")
    corrected = ScoreInterval(0.93, 0.91, 0.945)
    numbers = ScoreEstimates(
        LuckiestScore(2, 0.95), corrected, 0.935, ScoreInterval(0.94), None, corrected=corrected
    )
    shown = dict(summary(outcome_of("digits-1", stories.history(stories.won()), "", numbers), "hpo ui"))
    assert shown["validation"].endswith("0.9300 (95 % interval 0.9100 to 0.9450), corrected for selection")
    assert shown["luck"].endswith("has the corrected score above or 0.9350 by a bootstrap over trials")


def test_the_summary_states_that_the_test_part_is_sealed():
    story = [event for event in stories.won() if not type(event).__name__.startswith("Test")]
    shown = dict(summary(outcome_of("digits-1", stories.history(iter(story))), "hpo ui"))
    assert shown["test"] == "still sealed; `hpo test digits-1` opens it, once"
    assert "written to" not in shown


def test_a_search_without_a_winner_states_the_reason():
    story = iter([*stories.searched(), stories.events.SearchEnded("failed", "the disk is full")])
    shown = dict(summary(outcome_of("digits-1", stories.history(story)), "hpo ui"))
    assert shown["search"] == "digits-1: failed (the disk is full)"
    assert set(shown) == {"search", "trials", "spent"}


def test_the_best_so_far_is_not_called_a_winner():
    history = stories.history(stories.searched())
    shown = dict(summary(with_best_so_far(outcome_of("digits-1", history), history), "hpo ui"))
    assert shown["best so far"] == "trial 2"
    assert shown["validation"] == "accuracy 0.9500"
    assert not {"winner", "test", "written to"} & set(shown)


def test_progress_as_json_has_every_field():
    shown = progress_json(progress_of(stories.history(stories.won())))
    assert shown["best"] == {"trial": 2, "value": 0.95}
    assert shown["rungs"] == [{"epoch": 3, "trials": 3}, {"epoch": 9, "trials": 2}]
    assert shown["finalists"] == [{"trial": 2, "n": 2, "mean": pytest.approx(0.94)}]
    assert shown["budget"][0] == {"unit": "trials", "spent": 4, "limit": 4}
    assert progress_json(progress_of(stories.history(iter(()))))["best"] is None
