"""The driver is killed at moments of every phase; `hpo resume` ends as if nothing had happened."""

import signal

import pytest
from tiny_search import Place, decisions, kill

from hpo.core import events
from hpo.core.events import End

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


def after(kind, count=1, **fields):
    """The moment at which so many events of a kind are on record."""

    def reached(record):
        found = [e.event for e in record if isinstance(e.event, kind)]
        return sum(all(getattr(e, k) == v for k, v in fields.items()) for e in found) >= count

    return reached


MOMENTS = {
    "just opened": after(events.SearchOpened),
    "first trial started": after(events.TrialStarted),
    "first report": after(events.Reported),
    "first checkpoint": after(events.Checkpointed),
    "first end": after(events.TrialEnded),
    "second trial's report": after(events.Reported, trial=1),
    "early": after(events.Reported, 7),
    "after the third end": after(events.TrialEnded, 3),
    "in the fifth trial": after(events.TrialStarted, trial=4),
    "middle": after(events.Reported, 25),
    "a tenth checkpoint": after(events.Checkpointed, 10),
    "last trial started": after(events.TrialStarted, trial=11),
    "last trial ended": after(events.TrialEnded, 12),
    "finalists named": after(events.FinalistsNamed),
    "first finalist training": after(events.Reported, replicate=1),
    "second finalist training": after(events.Reported, 2, replicate=1),
    "second seed": after(events.TrialStarted, replicate=2),
    "a finalist ended": after(events.TrialEnded, replicate=1),
    "winner named": after(events.WinnerNamed),
    "test claimed": after(events.TestClaimed),
}
SHORT = ("in the fifth trial", "test claimed")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The record of the same search when nothing happens to it."""
    place = Place(tmp_path_factory.mktemp("undisturbed"))
    done = place.run("submit", "tiny.yaml", "--json")
    assert done.returncode == 0, done.stderr
    return place.record()


@pytest.mark.parametrize(
    "moment", [pytest.param(m, marks=[] if m in SHORT else [pytest.mark.faults]) for m in MOMENTS]
)
def test_a_killed_search_ends_as_if_undisturbed(moment, place, undisturbed):
    process = place.start("submit", "tiny.yaml", "--json")
    place.wait_for(process, MOMENTS[moment])
    kill(process)
    killed = place.record()
    done = place.run("resume", "tiny-1", "--json")
    assert done.returncode == 0, done.stderr
    record = place.record()
    assert record[: len(killed)] == killed
    assert decisions(record) == decisions(undisturbed)
    assert numbers(record, events.TestClaimed) == numbers(record, events.TestScored) == 1
    assert scores(record) == scores(undisturbed)
    check_mirror(place, record)


def numbers(record, kind):
    return sum(isinstance(each.event, kind) for each in record)


def scores(record):
    return [each.event.scores for each in record if isinstance(each.event, events.TestScored)]


def check_mirror(place, record):
    """One parent and one run per training, none doubled, none left running."""
    started = {(e.event.trial, e.event.replicate) for e in record if isinstance(e.event, events.TrialStarted)}
    runs = place.runs()
    assert len(runs) == len(set(runs)) == len({run for _, run, _ in runs}) == 1 + len(started)
    assert {status for _, _, status in runs} <= {"FINISHED", "KILLED", "FAILED"}


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.faults)],
)
def test_a_signal_stops_cleanly_and_the_search_can_be_resumed(number, code, place, undisturbed):
    process = place.start("submit", "tiny.yaml")
    place.wait_for(process, after(events.Reported, 5))
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert "hpo resume tiny-1" in err
    assert isinstance(place.record()[-1].event, events.SearchEnded)
    assert place.record()[-1].event.status == "stopped"
    done = place.run("resume", "tiny-1", "--json")
    assert done.returncode == 0, done.stderr
    assert decisions(place.record()) == decisions(undisturbed)


@pytest.mark.faults
def test_a_second_signal_ends_at_once_and_the_search_can_be_resumed(place, undisturbed):
    process = place.start("submit", "tiny.yaml")
    place.wait_for(process, after(events.Reported, 5))
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert process.returncode in (130, 143)
    done = place.run("resume", "tiny-1", "--json")
    assert done.returncode == 0, done.stderr
    assert decisions(place.record()) == decisions(undisturbed)


def test_a_second_resume_is_refused_and_names_the_holder(place):
    process = place.start("submit", "tiny.yaml")
    place.wait_for(process, after(events.Reported, 3))
    second = place.run("resume", "tiny-1")
    assert second.returncode == 3
    assert f"process {process.pid}" in second.stderr
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


@pytest.mark.faults
def test_two_searches_in_one_home_do_not_disturb_each_other(place, undisturbed):
    processes = [place.start("submit", "tiny.yaml", "--json", "--name", name) for name in ("one", "two")]
    for process in processes:
        _, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
    one, two = decisions(place.record("one")), decisions(place.record("two"))
    assert one == two == decisions(undisturbed)


@pytest.mark.faults
def test_a_worker_that_is_killed_costs_its_trial_nothing(place, undisturbed):
    import psutil

    process = place.start("submit", "tiny.yaml", "--json", "--set", "recipe.seconds=0.1")
    place.wait_for(process, after(events.Reported, 4))
    workers = [
        c for c in psutil.Process(process.pid).children(recursive=True) if "Training" in "".join(c.cmdline())
    ]
    assert workers
    for worker in workers:
        worker.kill()
    _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    record = place.record()
    assert numbers(record, events.WorkerLost) == 1
    ends = [e.event for e in record if isinstance(e.event, events.TrialEnded)]
    assert End.FAILED not in {end.end for end in ends}
    epochs = [
        (e.event.trial, e.event.replicate, e.event.epoch)
        for e in record
        if isinstance(e.event, events.Reported)
    ]
    assert len(epochs) == len(set(epochs))
    values = [(end.trial, end.replicate, end.end, end.value) for end in ends]
    undisturbed_ends = [e.event for e in undisturbed if isinstance(e.event, events.TrialEnded)]
    assert values == [(end.trial, end.replicate, end.end, end.value) for end in undisturbed_ends]
