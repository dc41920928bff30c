"""What every runner does for the conductor: in virtual time, and on Ray.

A further runner is one line in ``RUNNERS``.
"""

import math
import os
from pathlib import Path

import pytest

from hpo.core.events import (
    Cause,
    End,
    Reported,
    TrialEnded,
    TrialPaused,
    TrialStarted,
    TrialTakenUp,
    WinnerNamed,
)
from hpo.core.home import SearchFolder
from hpo.core.needs import Needs
from hpo.running.conductor import Conductor
from hpo.running.environment import TrainingEnvironment
from hpo.running.inline import InlineRunner, VirtualClock
from hpo.running.ray_session import ray_session
from hpo.running.worker import Worker
from hpo.sampling.non_adaptive import RandomSearcher
from tests.running.curves import open_stage
from tests.running.searches import OBJECTIVE, SPACE, memory_ledger, plan
from tests.running.test_conductor import of

WORKERS = 2
SMALL = {"trials": 8, "horizon": 5, "rungs": (1, 2)}


@pytest.fixture(scope="module")
def session():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(
            "PYTHONPATH", str(Path(__file__).parents[2]), prepend=os.pathsep
        )  # workers find the curves
        with ray_session(None, cpus=WORKERS, gpus=0) as session:
            yield session


def in_virtual_time(request, environment, clock, on_turn):
    def epochs(task):
        worker = Worker(environment)
        worker.start(task)
        try:
            for _ in range(task.epochs):
                message = worker.advance()
                for report in message.reports:
                    on_turn()
                    yield report.metrics, 1.0
        finally:
            worker.abandon()

    return InlineRunner(epochs, WORKERS, clock)


def on_ray(request, environment, clock, on_turn):
    from hpo.running.ray_runner import RayRunner

    return RayRunner(environment, WORKERS, Needs(1), request.getfixturevalue("session"), on_turn)


RUNNERS = {"virtual time": in_virtual_time, "ray": on_ray}
"""Each returns a runner of two workers, which calls ``on_turn`` repeatedly while it runs."""


@pytest.fixture(scope="module", params=RUNNERS)
def run(request, tmp_path_factory):
    """Runs a plan from a record, and returns the ledger and the conductor."""
    folder = SearchFolder(tmp_path_factory.mktemp("search"))
    environment = TrainingEnvironment(open_stage, folder, OBJECTIVE)

    def run(rules, record=(), on_turn=lambda conductor: None):
        ledger, clock = memory_ledger(record), VirtualClock()
        conductor = Conductor(rules, ledger, RandomSearcher(SPACE, 0), clock)
        conductor.replay(record)
        RUNNERS[request.param](request, environment, clock, lambda: on_turn(conductor)).run(conductor)
        return ledger, conductor

    return run


@pytest.fixture(scope="module", params=["asha", "promote"])
def finished(request, run):
    """A search in which two trials report a value that is not a number: its plan, ledger and conductor."""
    rules = plan(**SMALL, rule=request.param, recipe_of=recipe_of({0: "nan", 3: "nan"}))
    return rules, *run(rules)


def recipe_of(mishaps):
    """Recipes whose trials, in their order, fail in the given ways."""
    numbers = iter(range(1000))
    return lambda point: {**point, "mishap": mishaps.get(next(numbers), "none"), "seconds": 0.0}


def test_every_training_ends_and_reports_each_epoch_once_in_order(finished):
    _, ledger, conductor = finished
    epochs = {}
    for report in of(ledger, Reported):
        epochs.setdefault((report.trial, report.replicate), []).append(report.epoch)
    assert all(reported == list(range(1, len(reported) + 1)) for reported in epochs.values())
    assert all(training.end is not None for training in conductor.history.trainings.values())
    assert {len(epochs[key]) for key in epochs if key[1]} == {SMALL["horizon"]}  # fresh seeds train fully
    assert len(of(ledger, WinnerNamed)) == 1


def test_as_many_trainings_run_at_once_as_there_are_workers(finished):
    _, ledger, _ = finished
    running, most = set(), 0
    for recorded in ledger.record:
        event = recorded.event
        if isinstance(event, TrialStarted | TrialTakenUp):
            running.add((event.trial, event.replicate))
        elif isinstance(event, TrialEnded | TrialPaused):
            running.discard((event.trial, event.replicate))
        most = max(most, len(running))
    assert most == WORKERS


def test_a_training_that_has_ended_reports_nothing_afterwards(finished):
    _, ledger, conductor = finished
    assert conductor.history.count(End.STOPPED)
    ended = set()
    for recorded in ledger.record:
        event = recorded.event
        if isinstance(event, TrialEnded):
            ended.add((event.trial, event.replicate))
        assert not (isinstance(event, Reported) and (event.trial, event.replicate) in ended)


def test_a_value_that_is_not_a_number_fails_its_trial_alone(finished):
    _, _, conductor = finished
    failed = {t.trial: t.cause for t in conductor.history.trials if t.end is End.FAILED}
    assert failed
    assert set(failed) <= {0, 3}
    assert set(failed.values()) == {Cause.DIVERGED}
    assert conductor.history.winner.trial not in failed
    assert math.isfinite(conductor.history.winner.mean)


def test_nothing_starts_where_nothing_is_left_to_train(finished, run):
    rules, ledger, _ = finished
    again, conductor = run(rules, record=ledger.record)
    assert conductor.done
    assert again.record == ledger.record


def test_a_search_that_is_stopped_starts_nothing_more_and_is_continued_by_another_run(run):
    def after_four_trials(conductor):
        if len(conductor.history.trials) >= 4:
            conductor.stop()

    rules = plan(**SMALL, rule="promote")
    first, conductor = run(rules, on_turn=after_four_trials)
    started = len(conductor.history.trials)
    assert 4 <= started < SMALL["trials"]
    assert conductor.history.winner is None
    second, conductor = run(rules, record=first.record)
    assert second.record[: len(first.record)] == first.record
    epochs = [(report.trial, report.replicate, report.epoch) for report in of(second, Reported)]
    assert len(epochs) == len(set(epochs))
    assert len(conductor.history.trials) == SMALL["trials"]
    assert all(training.end is not None for training in conductor.history.trainings.values())
    assert conductor.history.winner is not None
