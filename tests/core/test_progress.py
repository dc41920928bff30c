"""How far a search is, read from its record."""

import math

import pytest

from hpo.core import events
from hpo.core.events import End
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.progress import progress_of
from hpo.core.record import Recorded
from hpo.core.spending import BudgetUse

SPEC = {
    "scheduler": {"name": "asha", "first_rung": 1, "reduction_factor": 3, "max_epochs": 9},
    "budget": {"trials": 4},
    "finalists": {"count": 2, "seeds": 2},
}


def training(trial, epochs, end, replicate=0):
    yield events.TrialStarted(trial, replicate, {"x": trial}, {"x": trial}, 1, "sampler")
    for epoch in range(1, epochs + 1):
        yield events.Reported(trial, replicate, epoch, {"validation/accuracy": 0.1 * epoch}, 10.0)
    if end:
        yield events.TrialEnded(trial, replicate, end, epochs, 0.1 * epochs)


def progress(*stories, spec=SPEC):
    opened = events.SearchOpened(spec, "d", {}, {})
    story = [opened, *(event for each in stories for event in each)]
    return progress_of(
        History.of((Recorded(n, float(n), e) for n, e in enumerate(story, 1)), Objective("accuracy"))
    )


def test_there_is_no_estimate_before_the_first_report():
    start = progress()
    assert start.phase == "searching"
    assert start.best is None
    assert math.isnan(start.remaining)
    assert start.rungs == ((1, 0), (3, 0), (9, 0))


def test_half_of_the_trials():
    half = progress(training(0, 9, End.FINISHED), training(1, 1, End.STOPPED), training(2, 2, None))
    assert half.states == {"running": 1, "finished": 1, "stopped": 1, "failed": 0, "interrupted": 0}
    assert half.rungs == ((1, 3), (3, 1), (9, 1))
    assert half.best == (0, pytest.approx(0.9))
    assert half.budget == (BudgetUse("trials", 2, 4),)
    assert half.share == 0.5
    # 120 s of training are half of the search's; the finalists' 36 epochs take 10 s each; one worker.
    assert half.remaining == pytest.approx(120 + 360)


def test_epochs_of_finalists_do_not_count_as_search_budget():
    spec = {**SPEC, "budget": {"epochs": 36 + 20}}
    assert progress(training(0, 9, End.FINISHED), training(1, 1, None), spec=spec).share == 0.5


def test_finalists_are_counted_down():
    near = progress(
        (event for trial in range(4) for event in training(trial, 9, End.FINISHED)),
        [events.FinalistsNamed((1, 0))],
        training(1, 9, End.FINISHED, replicate=1),
        training(1, 9, End.FINISHED, replicate=2),
        training(0, 9, End.FINISHED, replicate=1),
    )
    assert near.phase == "finalists"
    assert near.finalists == ((1, 2, pytest.approx(0.9)), (0, 1, pytest.approx(0.9)))
    assert near.remaining == pytest.approx(90)


def test_an_extended_search_has_more_budget():
    more = progress(training(0, 9, End.FINISHED), [events.SearchExtended(6)])
    assert more.budget == (BudgetUse("trials", 1, 10),)


def test_phases_to_the_end():
    winner = events.WinnerNamed(0, 1, 0.9, 0.1, 2, "best")
    claim = events.TestClaimed(0, 1, "a", "host:1")
    trial = list(training(0, 9, End.FINISHED))
    assert progress(trial, [winner]).phase == "exporting"
    assert progress(trial, [winner, claim]).phase == "testing"
    assert progress(trial, [events.SearchEnded("no_trial_succeeded")]).phase == "no trial succeeded"


def test_trials_of_a_dead_search_are_unfinished():
    opened = events.SearchOpened(SPEC, "d", {}, {})
    story = [opened, *training(0, 2, None)]
    dead = History.of((Recorded(n, float(n), e) for n, e in enumerate(story, 1)), Objective("accuracy"))
    assert progress_of(dead, alive=False).states["unfinished"] == 1
    assert progress_of(dead).states["running"] == 1
    dead.apply(Recorded(9, 9.0, events.SearchEnded("stopped")))
    assert progress_of(dead).states["unfinished"] == 1


def test_a_search_without_a_scheduler_has_no_rungs():
    plain = {"scheduler": {"name": "none", "first_rung": 3, "reduction_factor": 3, "max_epochs": 9}}
    assert progress(training(0, 9, End.FINISHED), spec=plain).rungs == ((9, 1),)
    assert progress(training(0, 9, End.FINISHED), spec={"budget": {"hours": 1}}).rungs == ()


def test_a_model_that_is_trained_again_is_a_phase_with_its_own_time():
    spec = {**SPEC, "ship": {"model": "retrained"}}
    fresh = [*training(0, 9, End.FINISHED, 1), *training(0, 9, End.FINISHED, 2)]
    won = [events.FinalistsNamed((0,)), *fresh, events.WinnerNamed(0, 1, 0.9, 0.0, 2, "best")]
    waiting = progress(training(0, 9, End.FINISHED), won, spec=spec)
    assert (waiting.phase, waiting.finals) == ("retraining", pytest.approx(90))
    again = events.TrialStarted(0, 3, {}, {}, 5, "retrained", "all", 6)
    seen = [events.Reported(0, 3, n, {"seen/accuracy": 0.9}, 10.0) for n in (1, 2)]
    half = progress(training(0, 9, End.FINISHED), won, [again, *seen], spec=spec)
    assert half.finals == pytest.approx(40)
    done = [again, *seen, events.TrialEnded(0, 3, End.FINISHED, 6, math.nan)]
    assert progress(training(0, 9, End.FINISHED), won, done, spec=spec).phase == "exporting"
