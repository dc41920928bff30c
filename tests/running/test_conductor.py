"""The conductor's decisions: the order of a search, its ends, and a replay that changes nothing."""

import contextlib
import itertools
import math

import pytest

from hpo.core.events import (
    Cause,
    End,
    FinalistsNamed,
    Reported,
    SearchExtended,
    TrialEnded,
    TrialPaused,
    TrialsRetried,
    TrialStarted,
    TrialTakenUp,
)
from hpo.core.rungs import rungs_of
from hpo.running.conductor import Conductor
from hpo.running.inline import InlineRunner, VirtualClock
from hpo.sampling.auto import AutoSearcher
from hpo.sampling.non_adaptive import RandomSearcher
from hpo.sampling.optuna_searcher import OptunaSearcher
from tests.running.searches import SPACE, curve, memory_ledger, plan


def run(rules, workers=4, record=(), train=curve, searcher=None, stop_after=None):
    """Run a search in virtual time, from the start or from a record; the ledger and its conductor."""
    ledger, clock = memory_ledger(record), VirtualClock()
    conductor = Conductor(rules, ledger, searcher or RandomSearcher(SPACE, 0), clock)
    conductor.replay(list(ledger.record))
    if stop_after is not None:
        append, limit = ledger.append, len(ledger.record) + stop_after

        def dying(events, then=None):
            if len(ledger.record) >= limit:
                raise Killed
            return append(events, then)

        ledger.append = dying
    with contextlib.suppress(Killed):
        InlineRunner(train, workers, clock).run(conductor)
    return ledger, conductor


class Killed(Exception):
    """The process was killed between two commits."""


def of(ledger, kind):
    return [each.event for each in ledger.record if isinstance(each.event, kind)]


def test_a_search_ends_with_a_winner_among_its_finalists():
    ledger, conductor = run(plan())
    starts, (finalists,) = of(ledger, TrialStarted), of(ledger, FinalistsNamed)
    assert [s.trial for s in starts if s.replicate == 0] == list(range(20))
    assert {(s.trial, s.replicate) for s in starts if s.replicate} == set(
        itertools.product(finalists.trials, (1, 2))
    )
    assert conductor.history.winner.trial in finalists.trials
    assert conductor.history.count(None) == 0
    assert all(conductor.history.trainings[t, 0].end is End.FINISHED for t in finalists.trials)


def test_a_nan_fails_its_trial_and_is_never_ranked():
    _, conductor = run(plan())
    failed = [t for t in conductor.history.trials if t.end is End.FAILED]
    assert failed
    assert {t.cause for t in failed} == {Cause.DIVERGED}
    assert all(t.epoch == 4 for t in failed)
    assert conductor.history.best.end is End.FINISHED


def test_most_trials_are_stopped_early():
    _, conductor = run(plan(trials=60))
    history = conductor.history
    assert history.count(End.STOPPED) > history.count(End.FINISHED) > 0
    assert history.epochs < 60 * 27 / 2


def test_the_epoch_budget_binds():
    _, conductor = run(plan(trials=None, epochs=200))
    assert 200 <= conductor.history.epochs < 200 + 4
    assert conductor.history.winner is not None


def test_if_no_trial_was_fully_trained_the_best_is_trained_on():
    ledger, conductor = run(plan(trials=None, epochs=12, rungs=()))
    again = [s for s in of(ledger, TrialStarted) if s.origin == "trained_on"]
    assert len(again) == 1
    winner = conductor.history.winner
    assert winner is not None
    assert winner.trial == again[0].trial
    assert conductor.history.trainings[winner.trial, 0].end is End.FINISHED


def test_a_search_whose_first_trials_fail_for_one_reason_gives_up():
    def broken(order):
        yield {"validation/score": math.nan}, 1.0

    _, conductor = run(plan(same_failures=5), workers=1, train=broken)
    assert conductor.hopeless is Cause.DIVERGED
    assert len(conductor.history.trials) == 5
    assert conductor.history.winner is None
    assert conductor.history.finalists.trials == ()


def by_number(failing, seconds=4.0):
    """Curves whose failing trials end at once, and whose other trials take some time."""

    def train(task):
        if task.replicate == 0 and failing(task.trial):
            yield {"validation/score": math.nan}, 0.1
        for epoch in range(task.horizon):
            yield {"validation/score": task.recipe["height"] * (1 - 0.7 ** (epoch + 1))}, seconds

    return train


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
@pytest.mark.parametrize(
    "failing", [lambda n: n % 2 == 0, lambda n: n % 2 == 1, lambda n: n not in (0, 9, 19)]
)
def test_early_failures_do_not_end_a_search_with_slower_trials(workers, failing):
    rules = plan(trials=20, rungs=(), same_failures=5)
    _, conductor = run(rules, workers=workers, train=by_number(failing))
    assert len(conductor.history.trials) == 20
    assert conductor.history.winner is not None
    assert conductor.history.finalists.reason == ""


@pytest.mark.parametrize("workers", [1, 2, 4, 8])
def test_running_trials_are_awaited_while_only_failures_are_known(workers):
    rules = plan(trials=20, rungs=(), same_failures=5)
    _, conductor = run(rules, workers=workers, train=by_number(lambda n: n < 5, seconds=100.0))
    assert len(conductor.history.trials) == (5 if workers == 1 else 20)
    all_fail, first = run(rules, workers=workers, train=by_number(lambda n: True))
    started = len(of(all_fail, TrialStarted))
    assert 5 <= started <= 5 + workers
    assert first.history.finalists == FinalistsNamed(
        (),
        "gave up: the first 5 trials failed with the same cause, diverged, and no trial succeeded; "
        f"{20 - started} of 20 trials were not started",
    )


def test_a_missing_metric_is_a_failure_that_names_what_was_reported():
    def silent(order):
        yield {"validation/other": 1.0}, 1.0

    _, conductor = run(plan(), workers=1, train=silent)
    first = conductor.history.trainings[0, 0]
    assert first.cause is Cause.METRIC_MISSING
    assert "validation/other" in first.message


def test_patience_ends_a_search_that_no_longer_improves():
    def flat(order):
        for _ in range(order.horizon):
            yield {"validation/score": 0.5}, 1.0

    _, conductor = run(plan(trials=200, patience=10, epochs=5000), workers=1, train=flat)
    assert len(conductor.history.trials) == 11
    assert conductor.history.winner is not None
    left = 5000 - conductor.history.epochs
    assert conductor.history.finalists.reason == (
        "patience: 10 trials in a row did not improve the best value; "
        f"not spent on the search: 189 trials, {left:,} epochs"
    )


def test_a_search_that_spends_its_budget_saves_nothing():
    _, conductor = run(plan(patience=20))
    assert conductor.history.finalists.reason == ""


def test_what_patience_saves_is_estimated_where_epochs_are_not_limited():
    def flat(order):
        for _ in range(order.horizon):
            yield {"validation/score": 0.5}, 1.0

    rules = plan(trials=21, patience=10, least_gain=0.1, seconds=36_000.0, rungs=())
    _, conductor = run(rules, workers=1, train=flat)
    assert "by more than 0.1" in conductor.history.finalists.reason
    assert "10 trials (about 270 epochs), " in conductor.history.finalists.reason


def test_points_of_earlier_searches_follow_written_ones():
    rules = plan(start_from=({"height": 0.1},), warm_start=({"height": 0.7}, {"height": 0.8}))
    ledger, _ = run(rules, workers=1)
    first = [(s.origin, s.point["height"]) for s in of(ledger, TrialStarted)[:4]]
    assert first[:3] == [("start_from", 0.1), ("warm_start", 0.7), ("warm_start", 0.8)]
    assert first[3][0] == "sampler"


def test_an_extended_search_continues_and_names_new_finalists():
    ledger, _ = run(plan())
    ledger.append([SearchExtended(10)])
    _, conductor = run(plan(), record=ledger.record)
    assert len(conductor.history.trials) == 30
    assert conductor.history.winner is not None


def test_failed_trials_are_tried_again_as_new_trials_at_their_points():
    def fixed(task, *rest):
        for metrics, seconds in curve(task, *rest):
            yield {name: 0.5 if math.isnan(value) else value for name, value in metrics.items()}, seconds

    rules = plan(start_from=({"height": 0.1},), epochs=40)
    ledger, conductor = run(rules)
    before = conductor.history.trials
    failed = tuple(t.trial for t in before if t.end is End.FAILED)
    ledger.append([TrialsRetried(failed)])
    ledger, conductor = run(rules, record=ledger.record, train=fixed)
    again = [t for t in conductor.history.trials if t.origin == "retried"]
    assert [t.trial for t in again] == list(range(len(before), len(before) + len(failed)))
    assert [t.point for t in again] == [before[number].point for number in failed]
    assert End.FAILED not in {t.end for t in again}
    assert conductor.history.winner is not None


def test_a_search_that_gave_up_goes_on_when_its_trials_are_tried_again():
    def broken(task, *rest):
        yield {"validation/score": math.nan}, 0.1

    ledger, conductor = run(plan(), train=broken)
    failed = tuple(t.trial for t in conductor.history.trials)
    ledger.append([TrialsRetried(failed)])
    _, conductor = run(plan(), record=ledger.record)
    assert len(conductor.history.trials) == 20 + len(failed)
    assert conductor.history.winner is not None


def test_a_failed_trial_is_tried_again_while_the_search_runs():
    rules, ledger, clock = plan(trials=6), memory_ledger(), VirtualClock()
    conductor = Conductor(rules, ledger, RandomSearcher(SPACE, 0), clock)
    good, asked = by_number(lambda trial: trial == 1), []

    def train(task):
        if task.trial == 4 and not asked:
            asked.append(task.trial)
            for trial in (1, 2, 99):  # trial 2 has not failed, and there is no trial 99
                conductor.retry_trial(trial)
        yield from good(task)

    InlineRunner(train, 1, clock).run(conductor)
    again = [each.event.trials for each in ledger.record if isinstance(each.event, TrialsRetried)]
    points = {trial.trial: trial.point for trial in conductor.history.trials}
    assert again == [(1,)]
    assert len(points) == 7
    assert [trial for trial in points if points[trial] == points[1]] == [1, 5]
    conductor.retry_trial(1)
    assert conductor.history.trainings[5, 0].end is not None
    assert sum(isinstance(each.event, TrialsRetried) for each in ledger.record) == 1


def auto(cost_weight=0.0):
    return AutoSearcher(SPACE, "max", 0, rungs_of("leaders", 1, 3, 27), 27, cost_weight=cost_weight)


@pytest.mark.parametrize(
    ("build", "rule"),
    [
        (lambda: RandomSearcher(SPACE, 0), "asha"),
        (lambda: OptunaSearcher(SPACE, "max", 0), "asha"),
        (auto, "leaders"),
        (auto, "promote"),
        (lambda: auto(cost_weight=0.25), "promote"),
        (lambda: OptunaSearcher(SPACE, "max", 0), "promote"),
        (lambda: RandomSearcher(SPACE, 0), "hyperband"),
    ],
)
def test_with_one_worker_a_search_killed_at_any_commit_ends_as_if_undisturbed(build, rule):
    rules = plan(trials=12, rule=rule, rungs=rungs_of(rule, 1, 3, 27))
    whole, _ = run(rules, workers=1, searcher=build())
    undisturbed = decisions(whole.record)
    for kill in range(1, len(whole.record), 17):
        half, _ = run(rules, workers=1, searcher=build(), stop_after=kill)
        rest, _ = run(rules, workers=1, record=half.record, searcher=build())
        assert decisions(rest.record) == undisturbed


def decisions(record):
    """Return the decisions, without events that a resumed search repeats."""
    kinds = (TrialStarted, TrialPaused, TrialTakenUp, TrialEnded, Reported, FinalistsNamed)
    return [repr(each.event) for each in record if isinstance(each.event, kinds)]


@pytest.mark.parametrize(
    ("build", "rule"),
    [
        (lambda: OptunaSearcher(SPACE, "max", 0), "asha"),
        (auto, "leaders"),
        (auto, "promote"),
        (lambda: OptunaSearcher(SPACE, "max", 0), "promote"),
        (lambda: RandomSearcher(SPACE, 0), "hyperband"),
    ],
)
def test_every_decision_equals_a_pure_replay_of_the_record(build, rule):
    rules = plan(trials=40, rule=rule, rungs=rungs_of(rule, 1, 3, 27))
    half, _ = run(rules, searcher=build(), stop_after=150)
    whole, conductor = run(rules, record=half.record, searcher=build())
    quiet = memory_ledger(whole.record)
    replayed = Conductor(rules, quiet, build(), VirtualClock())
    replayed.replay(list(whole.record))
    assert quiet.record == whole.record
    assert repr(replayed.history.winner) == repr(conductor.history.winner)


def test_a_trial_that_loses_its_worker_continues_and_fails_the_third_time():
    ledger = memory_ledger()
    conductor = Conductor(plan(), ledger, RandomSearcher(SPACE, 0), VirtualClock())
    for death in range(3):
        order = conductor.next()
        assert order.key == (0, 0)
        conductor.reported(order.key, [Reported(0, 0, death + 1, {"validation/score": 0.5}, 1.0)])
        conductor.lost(order.key, "gone")
    training = conductor.history.trainings[0, 0]
    assert (training.end, training.cause) == (End.FAILED, Cause.WORKER_LOST)
    assert conductor.next().key == (1, 0)


def test_known_epochs_are_skipped():
    ledger = memory_ledger()
    conductor = Conductor(plan(), ledger, RandomSearcher(SPACE, 0), VirtualClock())
    order = conductor.next()
    reports = [Reported(0, 0, epoch, {"validation/score": 0.5}, 1.0) for epoch in (1, 2)]
    conductor.reported(order.key, reports)
    conductor.reported(order.key, reports)
    assert len(of(ledger, Reported)) == 2
    assert conductor.history.epochs == 2


def test_a_report_and_its_verdict_are_one_commit():
    ledger = memory_ledger()
    conductor = Conductor(plan(horizon=1, rungs=()), ledger, RandomSearcher(SPACE, 0), VirtualClock())
    order = conductor.next()
    commits, append = [], ledger.append
    ledger.append = lambda new, then=None: commits.append(append(new, then)) or commits[-1]
    assert not conductor.reported(order.key, [Reported(0, 0, 1, {"validation/score": 0.5}, 1.0)])
    ((report, verdict),) = commits
    assert (type(report.event), type(verdict.event)) == (Reported, TrialEnded)
