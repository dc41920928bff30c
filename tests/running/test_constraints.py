"""Trials that violate a constraint end early, never win, and are compared with nothing."""

import itertools
from dataclasses import replace
from functools import partial

import pytest

from hpo.core.constraints import Constraint
from hpo.core.constraints_kept import constraints_kept
from hpo.core.events import Cause, End, FinalistsNamed, Reported, TrialEnded
from hpo.core.outcome import outcome_of
from hpo.core.search_shortfall import UNSATISFIED, shortfall
from hpo.running.conductor import Conductor
from hpo.running.inline import VirtualClock
from hpo.sampling.auto import AutoSearcher
from hpo.sampling.non_adaptive import RandomSearcher
from hpo.selection.ranking import by_value
from hpo.spec.finalist_fields import Finalists
from hpo.use_cases.search.finals import simple
from tests.running.searches import OBJECTIVE, SPACE, curve, memory_ledger
from tests.running.searches import plan as any_plan
from tests.running.test_conductor import of, run


def plan(*constraints, **changes):
    objective = replace(OBJECTIVE, constraints=constraints)
    rules = {
        "rank": lambda trials: by_value(trials, objective),
        "finals": partial(simple, Finalists(seeds=2)),
    }
    return any_plan(**{"objective": objective, "rule": "promote", **rules, **changes})


def sized(order):
    """The curves of `curve` with a size that rises with the score, and a gap that a long training lowers."""
    for epoch, (metrics, seconds) in enumerate(curve(order), 1):
        height = order.recipe["height"]
        yield {**metrics, "size": 100 * height, "validation/gap": height + 1 / epoch}, seconds


SMALL = Constraint("size", at_most=50)


@pytest.mark.parametrize("rule", ["promote", "leaders", "asha", "hyperband"])
def test_a_trial_that_is_too_large_ends_with_its_first_report(rule):
    ledger, conductor = run(plan(SMALL, rule=rule), train=sized)
    large = {t.trial for t in conductor.history.trials if t.point["height"] > 0.5}
    ends = {end.trial: end for end in of(ledger, TrialEnded) if end.cause is Cause.CONSTRAINT}
    assert ends.keys() == large
    assert {(end.end, end.replicate) for end in ends.values()} == {(End.STOPPED, 0)}
    assert all("size is" in end.message and "not at most 50" in end.message for end in ends.values())
    assert {conductor.history.trainings[trial, 0].epoch for trial in large} == {1}
    winner = conductor.history.winner
    assert conductor.history.trainings[winner.trial, 1].metrics["size"] <= 50


def quietly(order):
    """Curves without noise, which depend on the point alone."""
    for epoch, (metrics, seconds) in enumerate(sized(order), 1):
        height = metrics["size"] / 100
        yield {**metrics, "validation/score": height * (1 - 0.7**epoch)}, seconds


def test_trials_at_rungs_are_compared_with_trials_that_satisfy_the_constraints():
    class Small(RandomSearcher):
        def ask(self, trial):
            return {"height": super().ask(trial)["height"] / 2}

    class Mixed(Small):
        """The same points, with one that is too large before each of them."""

        def ask(self, trial):
            return super().ask(trial // 2) if trial % 2 else {"height": 0.99}

    _, alone = run(plan(SMALL, trials=9), workers=1, train=quietly, searcher=Small(SPACE, 0))
    _, mixed = run(plan(SMALL, trials=18), workers=1, train=quietly, searcher=Mixed(SPACE, 0))
    kept = [t for t in mixed.history.trials if t.trial % 2]
    assert [(t.end, t.epoch) for t in kept] == [(t.end, t.epoch) for t in alone.history.trials]


def test_if_no_trial_satisfies_a_constraint_there_is_no_winner_and_the_nearest_is_named():
    ledger, conductor = run(plan(Constraint("size", at_most=-1)), train=sized)
    history = conductor.history
    (named,) = of(ledger, FinalistsNamed)
    assert named.trials == ()
    assert named.reason.startswith(UNSATISFIED)
    nearest = min(history.trials, key=lambda t: t.point["height"])
    assert f"the nearest is trial {nearest.trial}: size is" in named.reason
    assert history.winner is None
    assert history.best is None
    assert history.over
    assert outcome_of("s", history).saved == ""
    assert sum(isinstance(each.event, Reported) for each in ledger.record) == len(history.trials)


def test_a_constraint_on_a_score_is_judged_when_a_trial_is_fully_trained():
    limit = Constraint("validation/gap", at_most=0.6)
    _, conductor = run(plan(limit, trials=40), train=sized)
    history = conductor.history
    assert not [t for t in history.trials if t.cause is Cause.CONSTRAINT]
    finished = [t for t in history.trials if t.end is End.FINISHED]
    assert any(not history.feasible(t) for t in finished)
    assert all(history.feasible(history.trainings[n, 0]) for n in history.finalists.trials)
    winner = history.trainings[history.winner.trial, history.winner.replicate]
    assert winner.at_counted["validation/gap"] <= 0.6
    assert history.best.at_counted["validation/gap"] <= 0.6


def test_a_fresh_training_that_violates_a_constraint_has_failed():
    def varying(order):
        for metrics, seconds in sized(order):
            yield {**metrics, "size": 100.0 if order.replicate == 2 else 1.0}, seconds

    _, conductor = run(plan(SMALL), train=varying)
    failed = [t for t in conductor.history.trainings.values() if t.cause is Cause.CONSTRAINT]
    assert {(t.replicate, t.end) for t in failed} == {(2, End.FAILED)}
    assert "constraint" in shortfall(conductor.history)  # the test part stays sealed

    def never(order):
        for metrics, seconds in sized(order):
            yield {**metrics, "size": 100.0 if order.replicate else 1.0}, seconds

    ledger, conductor = run(plan(SMALL), train=never)
    assert conductor.history.winner is None
    assert of(ledger, FinalistsNamed)[-1].reason.startswith(f"{UNSATISFIED} on fresh seeds")


def test_a_trial_that_does_not_report_what_is_limited_fails():
    _, conductor = run(plan(Constraint("flops", at_most=1)), train=sized)
    failed = conductor.history.trainings[0, 0]
    assert (failed.end, failed.cause) == (End.FAILED, Cause.METRIC_MISSING)
    assert "did not report 'flops'" in failed.message


def test_trials_that_violate_a_constraint_do_not_reset_patience():
    sizes = itertools.chain([1.0] * 3, itertools.repeat(100.0))

    def growing(order):
        size = next(sizes)
        height = 0.9 if size > 50 else 0.1
        return (
            ({"validation/score": height * (1 + order.trial), "size": size}, 1.0) for _ in itertools.count(1)
        )

    _, conductor = run(plan(SMALL, trials=100, patience=5), workers=1, train=growing)
    assert len(conductor.history.trials) <= 10


@pytest.mark.parametrize("searcher", [RandomSearcher, None])
def test_a_replay_with_constraints_changes_nothing(searcher):
    def new():
        auto = AutoSearcher(SPACE, "max", 0, (1, 3, 9), 27)
        return searcher(SPACE, 0) if searcher else auto

    half, _ = run(plan(SMALL), workers=1, train=sized, searcher=new(), stop_after=40)
    whole, conductor = run(plan(SMALL), workers=1, train=sized, searcher=new(), record=half.record)
    undisturbed, _ = run(plan(SMALL), workers=1, train=sized, searcher=new())
    points = [t.point for t in conductor.history.trials]
    assert points == [
        e.event.point
        for e in undisturbed.record
        if getattr(e.event, "replicate", 1) == 0 and type(e.event).__name__ == "TrialStarted"
    ]
    replayed = Conductor(plan(SMALL), memory_ledger(whole.record), new(), VirtualClock())
    replayed.replay(list(whole.record))
    assert replayed.history.winner == conductor.history.winner


def test_how_a_search_stands_to_its_constraints_is_shown():
    _, conductor = run(plan(SMALL), train=sized)
    kept = constraints_kept(conductor.history)
    large = sum(t.point["height"] > 0.5 for t in conductor.history.trials)
    assert (kept.violating, kept.trials) == (large, 20)
    (size,) = kept.constraints
    assert size.value <= 50
    assert kept.text == f"size {size.value:.4g} (at most 50); {large} of 20 trials violate it"
    assert outcome_of("s", conductor.history).to_json()["constraints"] == {
        "constraints": [{"constraint": SMALL.to_json(), "value": size.value}],
        "violating": large,
        "trials": 20,
    }
    _, free = run(any_plan(), train=sized)
    assert constraints_kept(free.history) is None
    assert "constraints" not in outcome_of("s", free.history).to_json()
