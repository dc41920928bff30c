"""A trial that does not qualify at its rung waits, holds no worker, and goes on from where it was."""

from collections import Counter

import pytest

from hpo.core.events import (
    Cause,
    Checkpointed,
    End,
    FinalistsNamed,
    PauseCause,
    Reported,
    SearchExtended,
    TrialEnded,
    TrialPaused,
    TrialStarted,
    TrialTakenUp,
)
from hpo.core.formatting import pauses
from hpo.core.progress import progress_of
from hpo.core.record import event_of
from hpo.running.conductor import Conductor
from hpo.running.inline import InlineRunner, VirtualClock
from hpo.running.judge import TRAINED_ON
from hpo.sampling.non_adaptive import RandomSearcher
from tests.running.searches import SPACE, curve, memory_ledger
from tests.running.searches import plan as any_plan
from tests.running.test_conductor import of, run


def plan(**changes):
    return any_plan(**{"rule": "promote", **changes})


def test_every_trial_without_an_end_of_its_own_is_paused_and_some_are_taken_up():
    ledger, conductor = run(plan())
    paused, resumed = of(ledger, TrialPaused), of(ledger, TrialTakenUp)
    assert {pause.cause for pause in paused} == {PauseCause.RUNG}
    assert resumed
    assert {(t.trial, t.replicate) for t in resumed} <= {(t.trial, t.replicate) for t in paused}
    assert conductor.history.paused == []
    states = Counter(t.end for t in conductor.history.trials)
    assert states[End.FINISHED] >= 2
    assert states[None] == 0
    assert conductor.history.winner is not None


def test_what_is_still_paused_ends_as_stopped_together_with_the_search_phase():
    ledger, _ = run(plan())
    kinds = [each.event for each in ledger.record]
    named = next(n for n, event in enumerate(kinds) if isinstance(event, FinalistsNamed))
    stopped = [event for event in kinds if isinstance(event, TrialEnded) and event.end is End.STOPPED]
    assert stopped
    assert kinds[named - len(stopped) : named] == stopped
    assert [event.trial for event in stopped] == sorted(event.trial for event in stopped)


def test_a_trial_that_is_taken_up_repeats_no_epoch_and_spends_only_new_ones():
    ledger, conductor = run(plan())
    epochs = [(r.trial, r.replicate, r.epoch) for r in of(ledger, Reported)]
    assert len(epochs) == len(set(epochs))
    assert conductor.history.epochs == sum(replicate == 0 for _, replicate, _ in epochs)


def test_if_too_few_are_fully_trained_the_best_paused_trials_are_trained_to_the_end():
    ledger, conductor = run(plan(trials=4, finalists=3))
    causes = Counter(event.cause for event in of(ledger, TrialTakenUp))
    assert causes[PauseCause.FINALISTS] >= 2
    assert len(conductor.history.finalists.trials) == 3
    assert not any(start.origin == TRAINED_ON for start in of(ledger, TrialStarted))


def test_no_more_than_the_limit_are_paused_at_once():
    most = []
    ledger = memory_ledger()
    conductor = Conductor(
        plan(trials=60, most_paused=5),
        ledger,
        RandomSearcher(SPACE, 0),
        VirtualClock(),
        lambda _, history: most.append(len(history.paused)),
    )
    InlineRunner(curve, 3, VirtualClock()).run(conductor)
    assert max(most) == 5
    stopped = [e for e in of(ledger, TrialEnded) if e.end is End.STOPPED]
    assert len(stopped) > 30


def test_the_budget_of_epochs_ends_promotions_too():
    ledger, conductor = run(plan(trials=None, epochs=120))
    last = max(n for n, each in enumerate(ledger.record) if isinstance(each.event, TrialTakenUp))
    assert sum(isinstance(e.event, Reported) for e in ledger.record[:last]) < 120
    assert conductor.history.winner is not None


def test_without_a_fully_trained_trial_the_best_paused_one_is_trained_on():
    ledger, conductor = run(plan(trials=None, epochs=9))
    *diverged, last = [start.trial for start in of(ledger, TrialStarted) if start.origin == TRAINED_ON]
    assert all(conductor.history.trainings[trial, 0].cause is Cause.DIVERGED for trial in diverged)
    assert conductor.history.trainings[last, 0].end is End.FINISHED
    assert conductor.history.paused == []


def test_paused_trials_count_for_patience_and_against_giving_up():
    ledger, conductor = run(plan(trials=200, patience=10), workers=1)
    assert len(conductor.history.trials) < 200
    assert "patience" in of(ledger, FinalistsNamed)[0].reason
    assert conductor.hopeless is None


def test_a_stopped_search_keeps_its_paused_trials_and_takes_them_up_after_a_resume():
    half, before = run(plan(), workers=1, stop_after=40)
    waiting = {training.trial for training in before.history.paused}
    whole, conductor = run(plan(), workers=1, record=half.record)
    later = {event.trial for event in of(whole, TrialTakenUp)[len(of(half, TrialTakenUp)) :]}
    assert later & waiting
    assert conductor.history.winner is not None
    quiet = memory_ledger(whole.record)
    replayed = Conductor(plan(), quiet, RandomSearcher(SPACE, 0), VirtualClock())
    replayed.replay(list(whole.record))
    assert quiet.record == whole.record


def test_an_extended_search_compares_with_those_that_were_stopped():
    ledger, _ = run(plan())
    ledger.append([SearchExtended(12)])
    _, conductor = run(plan(), record=ledger.record)
    assert len(conductor.history.trials) == 32
    assert conductor.history.winner is not None


def test_the_checkpoint_is_written_before_the_pause_and_is_what_goes_on():
    ledger = memory_ledger()
    conductor = Conductor(plan(trials=3), ledger, RandomSearcher(SPACE, 0), VirtualClock())
    for trial in range(3):
        order = conductor.next()
        assert (order.pauses, order.saves_at_pauses) == ((1, 3, 9), True)
        report = Reported(trial, 0, 1, {"validation/score": 0.1 * trial}, 1.0)
        saved = Checkpointed(trial, 0, 1, f"{trial}-0-1.safetensors", "a" * 64)
        assert conductor.reported(order.key, [report], saved) is (trial == 2)
    assert [each.event for each in ledger.record[1:4]][1:] == [
        Checkpointed(0, 0, 1, "0-0-1.safetensors", "a" * 64),
        TrialPaused(0, 0, PauseCause.RUNG),
    ]
    assert conductor.open == 1
    conductor.failed((2, 0), Cause.CODE_ERROR, "broken")
    order = conductor.next()
    assert (order.key, [c.file for c in order.checkpoints]) == ((1, 0), ["1-0-1.safetensors"])


def test_checkpoints_of_trials_that_end_while_paused_are_released_also_in_a_replay():
    ledger, conductor = run(plan())
    ended = {(e.trial, 0) for e in of(ledger, TrialEnded) if e.end is End.STOPPED}
    assert ended <= set(conductor.released())
    assert conductor.released() == []
    again = Conductor(plan(), memory_ledger(ledger.record), RandomSearcher(SPACE, 0), VirtualClock())
    again.replay(list(ledger.record))
    assert ended <= set(again.released())


def test_progress_counts_paused_trials_apart_and_as_part_of_the_budget():
    _, conductor = run(plan(), stop_after=60)
    states = progress_of(conductor.history).states
    assert states["paused"] == len(conductor.history.paused) > 0
    assert states["running"] + states["paused"] == conductor.history.count(None)


@pytest.mark.parametrize("kind", ["TrialPaused", "TrialTakenUp"])
def test_the_events_are_read_back_as_they_were_written(kind):
    event = event_of(kind, {"trial": 3, "replicate": 0, "cause": "rung"})
    assert event.cause is PauseCause.RUNG


def test_the_record_says_why_a_trial_was_proposed_and_how_often_trials_were_paused_and_taken_up():
    ledger, conductor = run(plan())
    assert {start.reason for start in of(ledger, TrialStarted) if not start.replicate} == {"random"}
    assert {start.reason for start in of(ledger, TrialStarted) if start.replicate} == {""}
    causes = Counter(event.cause.value for event in of(ledger, TrialTakenUp))
    assert conductor.history.pauses == {"paused": len(of(ledger, TrialPaused)), **causes}
    progress = progress_of(conductor.history)
    assert (progress.proposed, progress.pauses) == ({"random": 20}, conductor.history.pauses)
    assert pauses({"paused": 3, "rung": 2}) == (
        "3 paused; 2 taken up again, because they rose among the best of their rung"
    )
    assert pauses({"paused": 3, "rung": 1}).endswith(
        "1 taken up again, because it rose among the best of its rung"
    )
