"""A summary that is folded event by event shows what the whole state shows."""

import math
import random

import pytest

from hpo.core.events import (
    Cause,
    Checkpointed,
    End,
    Reported,
    SearchEnded,
    SearchExtended,
    SearchOpened,
    SearchResumed,
    TestClaimed,
    TestScored,
    TrialEnded,
    TrialStarted,
    Warned,
    WorkersReady,
)
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.record import Recorded
from hpo.core.search_summary import SearchSummary

SPEC = {"objective": {"metric": "loss", "mode": "min"}, "resources": {"cpus": 2.0}}
OPENED = SearchOpened(SPEC, "d", {}, {}, {"team": "a"}, user="anna")


def recorded(events, start=100.0):
    return [Recorded(seq, start + 10 * seq, event) for seq, event in enumerate(events, 1)]


def story(number):
    """Return the events of a search that is interrupted and resumed now and then."""
    chance = random.Random(number)
    yield OPENED
    yield WorkersReady(2, 0.5)
    for trial in range(chance.randrange(1, 12)):
        yield TrialStarted(trial, 0, {}, {}, 0, "sampler")
        for epoch in range(1, chance.randrange(1, 5)):
            yield Reported(trial, 0, epoch, {"validation/loss": chance.random()}, chance.random())
            yield Checkpointed(trial, 0, epoch, "f", "s")
        end = chance.choice(list(End))
        value = math.nan if end is End.FAILED or chance.random() < 0.1 else chance.random()
        yield TrialEnded(trial, 0, end, epoch=1, value=value, cause=Cause.USER)
        if chance.random() < 0.3:
            yield from (SearchEnded("stopped"), SearchResumed({}), WorkersReady(1, 1.0))
    yield TrialStarted(0, 1, {}, {}, 0, "finalist")
    yield TrialEnded(0, 1, End.FINISHED, 1, -1.0)
    yield SearchExtended(2) if chance.random() < 0.3 else Warned("careful")
    yield TestClaimed(0, 1, "sha", "anna")
    yield TestScored(scores={"loss": {"value": 0.25, "low": 0.1, "high": 0.3}}, n=10, fingerprint="f")
    yield SearchEnded("done")


def least(history, *ends):
    """Return the least value of the trials that ended in one of several ways."""
    return history.objective.best(trial.value for trial in history.trials if trial.end in ends)


@pytest.mark.parametrize("number", range(20))
def test_it_shows_what_the_whole_state_shows(number):
    record = recorded(story(number))
    history = History(Objective("loss", "min"))
    summary = SearchSummary()
    for each in record:
        history.apply(each)
        summary = summary.after([each])
        finished = least(history, End.FINISHED)
        expected = finished if math.isfinite(finished) else least(history, End.STOPPED, End.INTERRUPTED)
        assert (summary.status, summary.trials) == (history.status, len(history.trials))
        assert summary.gpu_seconds == pytest.approx(history.gpu_seconds)
        assert summary.trained == pytest.approx(history.trained)
        assert summary.best == pytest.approx(expected, nan_ok=True)
    assert (summary.seq, summary.user, summary.tags, summary.cpus) == (
        len(record),
        "anna",
        {"team": "a"},
        2.0,
    )
    assert summary.test == 0.25


def test_in_parts_and_through_its_text_it_is_the_same():
    record = recorded(story(3))
    whole = SearchSummary().after(record)
    for cut in range(len(record)):
        first = SearchSummary.of_json(SearchSummary().after(record[:cut]).to_json())
        assert first.after(record[cut:]).to_json() == whole.to_json()


def test_a_fully_trained_trial_comes_before_a_better_one_that_was_stopped():
    ends = [TrialEnded(0, 0, End.STOPPED, 1, 0.1), TrialEnded(1, 0, End.FINISHED, 9, 0.3)]
    summary = SearchSummary().after(recorded([OPENED, *ends]))
    assert summary.best == 0.3
    assert SearchSummary().after(recorded([OPENED, ends[0]])).best == 0.1


def test_a_record_without_an_objective_has_a_summary():
    summary = SearchSummary().after(recorded([SearchOpened({}, "d", {}, {}), SearchEnded("failed")]))
    assert (summary.status, summary.metric, math.isnan(summary.best)) == ("failed", "", True)
