"""How a training ends: by its reports, and for a fresh seed by the score of its kept weights."""

import math

import pytest

from hpo.core.events import Cause, End, Reported, TrialStarted
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.record import Recorded
from hpo.running.judge import Judge, fresh_end, task_of
from tests.running.searches import plan

KEY = "validation/accuracy"


@pytest.fixture
def rules():
    return plan(objective=Objective("accuracy"), horizon=4, rungs=(1, 2))


def history_of(rules, *reports, replicate=0):
    history = History(rules.objective)
    events = [TrialStarted(0, replicate, {}, {}, 1, "finalist" if replicate else "sampler"), *reports]
    for seq, event in enumerate(events, 1):
        history.apply(Recorded(seq, float(seq), event))
    return history


def report(epoch, value, replicate=0, metric=KEY):
    return Reported(0, replicate, epoch, {metric: value}, 1.0)


def verdict(rules, *reports, replicate=0):
    """The verdict on the last of several reports."""
    judge, decided = Judge(rules), None
    for count in range(1, len(reports) + 1):
        decided = judge.verdict(reports[count - 1], history_of(rules, *reports[:count], replicate=replicate))
    return decided


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("replicate", [0, 1])
def test_a_value_that_is_not_finite_is_a_failure_whatever_came_before(rules, value, replicate):
    ended = verdict(rules, report(1, 0.9, replicate), report(2, value, replicate), replicate=replicate)
    assert (ended.end, ended.cause, ended.epoch) == (End.FAILED, Cause.DIVERGED, 2)


def test_a_missing_metric_names_what_was_reported(rules):
    ended = verdict(rules, report(1, 0.9, metric="validation/loss"))
    assert (ended.end, ended.cause) == (End.FAILED, Cause.METRIC_MISSING)
    assert KEY in ended.message
    assert "validation/loss" in ended.message


def test_the_last_epoch_finishes_a_trial(rules):
    assert verdict(rules, *(report(epoch, 0.5) for epoch in (1, 2, 3))) is None
    ended = verdict(rules, *(report(epoch, 0.5) for epoch in (1, 2, 3, 4)))
    assert (ended.end, ended.cause, ended.epoch) == (End.FINISHED, None, 4)


def test_a_fresh_seed_is_never_stopped_at_a_rung(rules):
    judge = Judge(rules)
    for number in range(9):  # trials that are all better
        history = History(rules.objective)
        history.apply(Recorded(1, 1.0, TrialStarted(number, 0, {}, {}, 1, "sampler")))
        each = Reported(number, 0, 1, {KEY: 0.9}, 1.0)
        history.apply(Recorded(2, 2.0, each))
        judge.verdict(each, history)
    worst = report(1, 0.0, replicate=1)
    assert judge.verdict(worst, history_of(rules, worst, replicate=1)) is None


def ended_with(rules, reports, scores, known=()):
    training = history_of(rules, *known, replicate=1).trainings[0, 1]
    return fresh_end(rules, training, reports, ("weights", "digest"), scores)


def test_without_a_final_part_a_fresh_seed_is_ranked_by_its_reports(rules):
    known, late = [report(1, 0.7, 1), report(2, 0.6, 1)], [report(3, 0.8, 1), report(4, 0.5, 1)]
    ended = ended_with(rules, [*known, *late], {}, known)
    assert rules.objective.at == "best"
    assert (ended.end, ended.value, ended.epoch, ended.weights) == (End.FINISHED, 0.8, 4, "weights")


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_fresh_seed_whose_weights_have_no_score_has_failed(rules, score):
    reports = [report(epoch, 0.9, 1) for epoch in (1, 2, 3, 4)]
    ended = ended_with(rules, reports, {"final/accuracy": score})
    assert (ended.end, ended.cause) == (End.FAILED, Cause.DIVERGED)
    assert not math.isfinite(ended.value)


def test_with_a_final_part_only_its_score_ranks_a_fresh_seed(rules):
    reports = [report(epoch, 0.9, 1) for epoch in (1, 2, 3, 4)]
    ended = ended_with(rules, reports, {"final/accuracy": 0.6, "final/loss": 1.0})
    assert (ended.end, ended.value) == (End.FINISHED, 0.6)


def test_a_trial_pauses_at_rungs_and_a_fresh_seed_keeps_its_weights(rules):
    trial = task_of(rules, history_of(rules).trainings[0, 0])
    fresh = task_of(rules, history_of(rules, replicate=1).trainings[0, 1])
    assert (trial.pauses, trial.keep_weights) == ((1, 2), False)
    assert (fresh.pauses, fresh.keep_weights) == ((), True)
