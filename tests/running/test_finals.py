"""Finalists under the conductor: seeds and folds, races that save, and replays that change nothing."""

import contextlib
import math
import random
from functools import partial

import pytest

from hpo.core.events import Cause, End, FinalistsNamed, Reported, TrialEnded, TrialStarted, WinnerNamed
from hpo.core.fresh_seeds import FreshSeeds
from hpo.running.conductor import Conductor
from hpo.running.inline import InlineRunner, VirtualClock
from hpo.sampling.non_adaptive import RandomSearcher
from hpo.spec.finalist_fields import Finalists
from hpo.use_cases.search.finals import race, simple
from tests.running.searches import SPACE, curve, memory_ledger, plan


class Killed(Exception):
    """The process was killed between two commits."""


def rules(settings, **changes):
    rule = {"simple": simple, "race": race}[settings.rule]
    choices = {"finals": partial(rule, settings), "finalists": settings.count, "fresh": settings.fresh}
    choices |= {"trials": 12, "rungs": ()}
    return plan(**{**choices, **changes})


def search(the_plan, workers=1, record=(), train=curve, stop_after=None):
    """Run in virtual time, perhaps killed after some commits; return the ledger and its conductor."""
    ledger, clock = memory_ledger(record), VirtualClock()
    conductor = Conductor(the_plan, ledger, RandomSearcher(SPACE, 0), clock)
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


def of(ledger, kind):
    return [each.event for each in ledger.record if isinstance(each.event, kind)]


def steady(order):
    """Clearly different heights and little noise: easy for a race."""
    draw = random.Random(order.seed)
    for epoch in range(1, order.horizon + 1):
        yield {"validation/score": order.recipe["height"] * (1 - 0.5**epoch) + 1e-3 * draw.gauss(0, 1)}, 1.0


def test_without_folds_a_replicate_is_a_seed_on_the_search_s_own_split():
    ledger, conductor = search(rules(Finalists(count=2, seeds=2)))
    fresh = [s for s in of(ledger, TrialStarted) if s.replicate]
    assert [s.replicate for s in fresh] == [1, 1, 2, 2]
    assert {s.split for s in fresh} == {"search"}
    assert conductor.history.winner.n == 2


@pytest.mark.parametrize("rule", ["simple", "race"])
def test_every_finalist_has_the_same_seeds_and_the_same_folds(rule):
    settings = Finalists(count=3, seeds=2, folds=3, rule=rule)
    ledger, conductor = search(rules(settings), workers=4)
    fresh = [s for s in of(ledger, TrialStarted) if s.replicate]
    (named,) = of(ledger, FinalistsNamed)
    assert len(fresh) == 3 * 2 * 3
    for replicate in range(1, 7):
        same = [s for s in fresh if s.replicate == replicate]
        assert {s.trial for s in same} == set(named.trials)
        assert len({(s.seed, s.split) for s in same}) == 1
    assert [s.split for s in fresh if s.trial == named.trials[0]] == [
        "fold-1.1", "fold-1.2", "fold-1.3", "fold-2.1", "fold-2.2", "fold-2.3",
    ]  # fmt: skip
    assert len({s.seed for s in fresh}) == 6
    assert conductor.history.winner.n == 2


def test_the_value_of_a_seed_is_the_mean_of_its_folds():
    settings = Finalists(count=1, seeds=2, folds=2)
    _, conductor = search(rules(settings))
    history = conductor.history
    trial = history.winner.trial
    values = [history.trainings[trial, replicate].value for replicate in (1, 2, 3, 4)]
    seeds = [(values[0] + values[1]) / 2, (values[2] + values[3]) / 2]
    assert history.winner.mean == pytest.approx(sum(seeds) / 2)
    assert history.winner.std == pytest.approx(abs(seeds[0] - seeds[1]) / math.sqrt(2))


def test_without_repeats_folds_are_the_same_for_every_seed():
    fresh = FreshSeeds(2, repeated=False)
    assert [fresh.split(replicate) for replicate in range(5)] == [
        "search", "fold-1.1", "fold-1.2", "fold-1.1", "fold-1.2",
    ]  # fmt: skip
    assert fresh.title(4) == "seed 2 fold 2 of 2"


def test_a_race_saves_trainings_and_records_how_many():
    settings = Finalists(count=3, seeds=10, rule="race")
    ledger, conductor = search(rules(settings), workers=4, train=steady)
    (winner,) = of(ledger, WinnerNamed)
    used = sum(1 for s in of(ledger, TrialStarted) if s.replicate)
    assert used < 30
    assert winner.saved == 30 - used
    assert f"{winner.saved} of 30 trainings saved" in winner.reason
    assert winner.tied == (winner.trial,)
    best = max(conductor.history.finalists.trials, key=lambda t: conductor.history.trainings[t, 0].value)
    assert winner.trial == best


def test_a_tie_of_finalists_is_decided_as_the_spec_prefers():
    def alike(order):
        draw = random.Random(f"{order.seed} {order.trial}")
        for _ in range(order.horizon):
            yield {"validation/score": 0.5 + 0.1 * draw.gauss(0, 1)}, 1.0 + order.trial

    settings = Finalists(count=3, seeds=4, rule="race", prefer="cheapest")
    ledger, conductor = search(rules(settings), train=alike)
    (winner,) = of(ledger, WinnerNamed)
    assert len(winner.tied) > 1
    assert winner.trial == min(winner.tied)
    assert "as the cheapest" in winner.reason
    (best,) = of(search(rules(Finalists(count=3, seeds=4, rule="race")), train=alike)[0], WinnerNamed)
    means = {trial: mean_of(conductor.history, trial, 4) for trial in best.tied}
    assert best.trial == max(means, key=means.get)
    steadiest = Finalists(count=3, seeds=4, rule="race", prefer="steadiest")
    (other,) = of(search(rules(steadiest), train=alike)[0], WinnerNamed)
    spreads = [spread_of(conductor.history, trial, 4) for trial in other.tied]
    assert other.std == pytest.approx(min(spreads))


def values_of(history, trial, seeds):
    return [history.trainings[trial, replicate].value for replicate in range(1, seeds + 1)]


def mean_of(history, trial, seeds):
    return sum(values_of(history, trial, seeds)) / seeds


def spread_of(history, trial, seeds):
    values, mean = values_of(history, trial, seeds), mean_of(history, trial, seeds)
    return math.sqrt(sum((v - mean) ** 2 for v in values) / (len(values) - 1))


def test_a_fold_that_fails_fails_its_seed_and_not_the_search():
    def mishap(order):
        for number, (metrics, seconds) in enumerate(curve(order)):
            broken = order.replicate == 3 and number == 2
            yield {"validation/score": math.nan} if broken else metrics, seconds

    settings = Finalists(count=1, seeds=3, folds=2, rule="race")
    _, conductor = search(rules(settings), train=mishap)
    history = conductor.history
    assert history.trainings[history.winner.trial, 3].cause is Cause.DIVERGED
    assert history.winner.n == 2
    assert history.winner.replicate == 1


def test_no_winner_is_named_if_every_seed_fails():
    def broken(order):
        yield {"validation/score": math.nan if order.replicate else 0.5}, 1.0

    settings = Finalists(count=2, seeds=2, folds=2, rule="race")
    _, conductor = search(rules(settings, horizon=1), train=broken)
    assert conductor.history.winner is None
    assert conductor.history.over


def decisions(record):
    """Return the decisions, without events that a resumed search repeats."""
    kinds = (TrialStarted, TrialEnded, Reported, FinalistsNamed, WinnerNamed)
    return [repr(each.event) for each in record if isinstance(each.event, kinds)]


@pytest.mark.parametrize("rule", ["simple", "race"])
def test_a_search_killed_anywhere_among_its_finalists_ends_as_if_undisturbed(rule):
    the_plan = rules(Finalists(count=2, seeds=4, folds=2, rule=rule), horizon=6, rungs=(1,), trials=4)
    whole, _ = search(the_plan, train=steady)
    undisturbed = decisions(whole.record)
    named = next(e.seq for e in whole.record if isinstance(e.event, FinalistsNamed))
    for kill in range(named, len(whole.record), 3):
        half, _ = search(the_plan, train=steady, stop_after=kill)
        rest, _ = search(the_plan, train=steady, record=half.record)
        assert decisions(rest.record) == undisturbed


@pytest.mark.parametrize("rule", ["simple", "race"])
def test_with_many_workers_every_decision_equals_a_pure_replay_of_the_record(rule):
    the_plan = rules(Finalists(count=3, seeds=6, folds=2, rule=rule))
    first, _ = search(the_plan, workers=5, stop_after=200)
    whole, conductor = search(the_plan, workers=5, record=first.record)
    quiet = memory_ledger(whole.record)
    replayed = Conductor(the_plan, quiet, RandomSearcher(SPACE, 0), VirtualClock())
    replayed.replay(list(whole.record))
    assert quiet.record == whole.record
    assert replayed.history.winner == conductor.history.winner
    assert replayed.next() is None
    assert quiet.record == whole.record


@pytest.mark.parametrize("workers", [1, 3, 8])
def test_the_number_of_workers_does_not_change_the_trainings_of_a_race(workers):
    the_plan = rules(Finalists(count=3, seeds=8, folds=2, rule="race"))
    alone, one = search(the_plan, workers=1, train=steady)
    many, other = search(the_plan, workers=workers, train=steady)
    assert starts(many) == starts(alone)
    assert one.history.winner == other.history.winner


def starts(ledger):
    return [(s.trial, s.replicate, s.seed, s.split) for s in of(ledger, TrialStarted) if s.replicate]


def test_a_fresh_seed_is_ranked_on_the_final_part_if_there_is_one():
    ledger = memory_ledger()
    settings = Finalists(count=1, seeds=1)
    conductor = Conductor(rules(settings, trials=1, horizon=1), ledger, RandomSearcher(SPACE, 0))
    order = conductor.next()
    conductor.reported(order.key, [Reported(0, 0, 1, {"validation/score": 0.9}, 1.0)])
    order = conductor.next()
    assert order.keep_weights
    report = Reported(0, 1, 1, {"validation/score": 0.8}, 1.0)
    scores = {"final/score": 0.7, "final/other": 3.0}
    assert not conductor.reported(order.key, [report], weights=("0-1", "sha"), scores=scores)
    (end,) = [e for e in of(ledger, TrialEnded) if e.replicate]
    assert (end.end, end.value, end.scores) == (End.FINISHED, 0.7, scores)
    conductor.next()
    assert conductor.history.winner.mean == 0.7


def test_a_non_finite_score_on_the_final_part_fails_the_training():
    settings = Finalists(count=1, seeds=1)
    conductor = Conductor(rules(settings, trials=1, horizon=1), memory_ledger(), RandomSearcher(SPACE, 0))
    order = conductor.next()
    conductor.reported(order.key, [Reported(0, 0, 1, {"validation/score": 0.9}, 1.0)])
    order = conductor.next()
    report = Reported(0, 1, 1, {"validation/score": 0.8}, 1.0)
    conductor.reported(order.key, [report], weights=("0-1", "sha"), scores={"final/score": math.nan})
    assert conductor.history.trainings[0, 1].cause is Cause.DIVERGED
