"""Laws that every rung rule obeys, whatever trials reach its rungs in whatever order."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hpo.core.rungs import close_milestones, milestones, rungs_of
from hpo.core.stopping_rules import PausingRule, stopping_rule

HORIZON, FACTOR = 27, 3
RULES = ("asha", "leaders", "promote", "hyperband")
REPORTS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(-50, 50)),  # whole numbers, so that a scale changes no order
    max_size=60,
)


def rungs(name):
    return rungs_of(name, 1, FACTOR, HORIZON)


def decisions(name, reports, mode="max", value=float, factor=FACTOR):
    """The verdicts on trials that train an epoch at each of their reports, until a rule halts them."""
    rule = stopping_rule(name, rungs(name), HORIZON, factor, mode)
    epochs, halted, verdicts = {}, set(), []
    for trial, score in reports:
        if trial in halted or epochs.get(trial, 0) == HORIZON:
            continue
        epochs[trial] = epochs.get(trial, 0) + 1
        verdicts.append(rule.report(epochs[trial], value(score), trial))
        if not verdicts[-1]:
            halted.add(trial)
    return verdicts


@given(reports=REPORTS)
def test_promotion_depends_on_the_order_of_values_alone(reports):
    assert decisions("promote", reports) == decisions("promote", reports, value=lambda v: v**3 + 2.0 * v)


@pytest.mark.parametrize("name", RULES)
@given(reports=REPORTS)
def test_the_scale_of_a_metric_changes_no_decision(name, reports):
    assert decisions(name, reports) == decisions(name, reports, value=lambda v: 4.0 * v)


@pytest.mark.parametrize("name", RULES)
@given(reports=REPORTS)
def test_minimizing_a_value_is_maximizing_its_negative(name, reports):
    assert decisions(name, reports, "max") == decisions(name, reports, "min", value=lambda v: -float(v))


@pytest.mark.parametrize("name", RULES)
@given(reports=REPORTS, trial=st.integers(0, 9))
def test_a_value_that_is_not_finite_never_goes_on_at_a_rung(name, reports, trial):
    rule = stopping_rule(name, rungs(name), HORIZON, FACTOR, "max")
    for other, score in reports:
        rule.report(1, float(score), 100 + other)
    assert not rule.report(1, math.nan, trial)
    assert not rule.report(1, -math.inf, trial + 10)


@pytest.mark.parametrize("name", RULES)
@given(values=st.lists(st.integers(-50, 50), min_size=1, max_size=40))
def test_between_rungs_every_trial_goes_on(name, values):
    rule = stopping_rule(name, rungs(name), HORIZON, FACTOR, "max")
    between = next(epoch for epoch in range(1, HORIZON) if epoch not in rungs(name))
    assert all(rule.report(between, float(value), trial) for trial, value in enumerate(values))


@given(reports=st.lists(st.integers(-50, 50), max_size=60))
def test_promotion_lets_exactly_the_best_share_of_a_rung_go_on(reports):
    rule = stopping_rule("promote", rungs("promote"), HORIZON, FACTOR, "max")
    stopped = [trial for trial, score in enumerate(reports) if rule.report(1, float(score), trial)]
    while (trial := rule.take_up()) is not None:
        stopped.append(trial)
        rule.taken_up(trial)
    best = sorted(range(len(reports)), key=lambda trial: (-reports[trial], trial))[: len(reports) // FACTOR]
    assert len(set(stopped)) == len(stopped)
    assert set(best) <= set(stopped)


@pytest.mark.parametrize("name", RULES)
@given(reports=REPORTS, failed=st.sets(st.integers(0, 9)), more=REPORTS)
def test_a_rule_rebuilt_from_the_record_decides_like_the_first_one(name, reports, failed, more):
    rules = [stopping_rule(name, rungs(name), HORIZON, FACTOR, "max") for _ in range(2)]
    for rule in rules:
        epochs = dict.fromkeys(range(10), 0)
        for trial, score in reports:
            epochs[trial] += 1
            rule.report(epochs[trial], float(score), trial)
        for trial in sorted(failed):
            rule.forget(trial)
    first, second = ([rule.report(1, float(score), 10 + trial) for trial, score in more] for rule in rules)
    assert first == second


@given(reports=REPORTS, failed=st.sets(st.integers(0, 59)), most=st.integers(1, 5))
def test_a_pausing_rule_names_only_paused_trials_and_each_once(reports, failed, most):
    rule = stopping_rule("promote", rungs("promote"), HORIZON, FACTOR, "max", most)
    assert isinstance(rule, PausingRule)
    paused = {trial for trial, (_, score) in enumerate(reports) if not rule.report(1, float(score), trial)}
    for trial in sorted(failed):
        rule.forget(trial)
    paused -= failed
    assert (rule.furthest() is None) == (not paused)
    while (surplus := rule.surplus()) is not None:
        assert surplus in paused
        assert len(paused) > most
        rule.forget(surplus)
        paused.discard(surplus)
    assert len(paused) <= most
    while (trial := rule.take_up()) is not None:
        assert trial in paused
        rule.taken_up(trial)
        paused.discard(trial)
    assert rule.furthest() in (paused or {None})


@given(first=st.integers(1, 200), factor=st.integers(2, 9), horizon=st.integers(1, 300))
def test_rungs_are_ascending_epochs_below_the_horizon(first, factor, horizon):
    for epochs in (milestones(first, factor, horizon), close_milestones(first, factor, horizon)):
        assert list(epochs) == sorted(set(epochs))
        assert all(first <= epoch < horizon for epoch in epochs)
    assert set(milestones(first, factor, horizon)) == {
        first * factor**power for power in range(10) if first * factor**power < horizon
    }


@given(
    first=st.integers(1, 20), factor=st.integers(2, 5), horizon=st.integers(2, 200), longer=st.integers(0, 99)
)
def test_a_longer_horizon_keeps_the_earlier_rungs(first, factor, horizon, longer):
    shorter = milestones(first, factor, horizon)
    assert milestones(first, factor, horizon + longer)[: len(shorter)] == shorter
