"""Estimates of the time left, compared with searches whose whole course is known."""

import heapq
import math
import random

import pytest

from hpo.core import events
from hpo.core.events import End
from hpo.core.history import History
from hpo.core.objective import Objective
from hpo.core.progress import progress_of
from hpo.core.record import Recorded
from hpo.core.rungs import rungs_of
from hpo.core.stopping_rules import stopping_rule
from hpo.core.time_left import Prospects, TimeLeft, expected_epochs, time_left

STARTED, FIRST = 20.0, 5.0


def spec(scheduler="asha", horizon=27, **budget):
    return {
        "scheduler": {"name": scheduler, "first_rung": 1, "reduction_factor": 3, "max_epochs": horizon},
        "budget": budget,
        "finalists": {"count": 2, "seeds": 3},
    }


def searched(document, workers, seed):
    """The record of a simulated search: workers train at once, each at its own pace."""
    draw, horizon = random.Random(seed), document["scheduler"]["max_epochs"]
    name = document["scheduler"]["name"]
    rungs = () if name == "none" else rungs_of(name, 1, 3, horizon)
    rule = stopping_rule("asha" if name == "none" else name, rungs, horizon, 3, "max")
    record = [(0.0, events.SearchOpened(document, "d", {"test": None}, {}))]
    record.append((STARTED, events.WorkersReady(workers)))
    pace, free, clock, trial, epochs = draw.uniform(0.5, 20), [STARTED + FIRST] * workers, STARTED, 0, 0
    running = []
    limits = document["budget"]
    reserve = 2 * 3 * horizon

    def begin(at, number, replicate):
        origin = "finalist" if replicate else "sampler"
        record.append((at, events.TrialStarted(number, replicate, {}, {}, 1, origin)))
        trial_pace = pace * draw.uniform(0.5, 2.0)
        heapq.heappush(running, (at + trial_pace, number, replicate, 1, trial_pace, draw.random()))

    def goes_on():
        return trial < limits.get("trials", math.inf) and epochs < limits.get("epochs", math.inf) - reserve

    while free and goes_on():
        begin(free.pop(), trial, 0)
        trial += 1
    finals = [(number, replicate) for replicate in (1, 2, 3) for number in (0, 1)]
    while running:
        clock, number, replicate, epoch, trial_pace, value = heapq.heappop(running)
        record.append(
            (clock, events.Reported(number, replicate, epoch, {"validation/accuracy": value}, trial_pace))
        )
        epochs += not replicate
        on = replicate or epoch not in rungs or rule.report(epoch, value, number)
        if epoch < horizon and on:
            heapq.heappush(running, (clock + trial_pace, number, replicate, epoch + 1, trial_pace, value))
            continue
        end = End.FINISHED if epoch == horizon else End.STOPPED
        record.append((clock, events.TrialEnded(number, replicate, end, epoch, value)))
        if not replicate and goes_on():
            begin(clock, trial, 0)
            trial += 1
        elif not replicate and not running:
            record.append((clock, events.FinalistsNamed((0, 1))))
            for key in finals[:workers]:
                begin(clock, *key)
            del finals[:workers]
        elif replicate and finals:
            begin(clock, *finals.pop(0))
    record.append((clock + 2.0, events.SearchEnded("done")))
    return [Recorded(seq, time, event) for seq, (time, event) in enumerate(record, 1)]


def estimate_after(record, share):
    """Estimate and truth when a share of the search phase is over."""
    history, expected = History(Objective("accuracy")), math.nan
    for recorded in record:
        history.apply(recorded)
        expected = expected_epochs(history) if math.isnan(expected) else expected
        if history.paced_at and progress_of(history).share >= share:
            return time_left(history, Prospects(expected)), record[-1].time - recorded.time
    raise AssertionError("the search never got there")


KINDS = [
    spec(trials=60),
    spec(trials=200),
    spec(epochs=1500),
    spec("none", 10, trials=30),
    spec("leaders", 27, trials=100),
]


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_the_estimate_is_within_a_factor_of_a_half_or_is_a_range(share):
    """In eight of ten searches the truth is in the range, or near its ends."""
    close = wide = 0
    searches = [(document, workers) for document in KINDS for workers in (1, 2, 8)]
    for seed, (document, workers) in enumerate(searches):
        left, true = estimate_after(searched(document, workers, seed), share)
        close += left.low / 1.5 <= true <= left.high * 1.5
        wide += left.high > 3 * left.low
    assert close >= 0.8 * len(searches)
    assert wide <= 0.2 * len(searches)


def test_there_is_no_estimate_before_the_first_reports():
    history = History(Objective("accuracy"))
    for recorded in searched(spec(trials=9), 2, 0)[:4]:
        history.apply(recorded)
    assert not time_left(history, Prospects(expected_epochs(history))).known


def test_before_the_first_report_an_earlier_search_gives_the_estimate():
    history = History(Objective("accuracy"))
    for recorded in searched(spec(trials=9), 2, 0)[:2]:
        history.apply(recorded)
    assert time_left(history, Prospects(earlier=100.0)) == TimeLeft(80.0, 80.0)


def test_a_time_limit_ends_the_search_phase():
    record = searched(spec(trials=60) | {"budget": {"trials": 60, "hours": 0.05}}, 1, 1)
    history = History(Objective("accuracy"))
    for recorded in record[:40]:
        history.apply(recorded)
    unlimited = History(Objective("accuracy"))
    for recorded in searched(spec(trials=60), 1, 1)[:40]:
        unlimited.apply(recorded)
    assert time_left(history).high < time_left(unlimited).high


def test_the_time_left_shrinks_and_is_never_negative():
    assert TimeLeft(10.0, 20.0).after(15.0) == TimeLeft(0.0, 5.0)
    assert not TimeLeft().after(1.0).known


def test_no_time_is_left_after_the_end():
    history = History.of(searched(spec(trials=9), 2, 0), Objective("accuracy"))
    assert time_left(history) == TimeLeft(0.0, 0.0)
