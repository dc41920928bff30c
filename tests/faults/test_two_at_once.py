"""Two processes in one home: searches are independent, and a search has at most one live holder."""

import json
import os

import pytest

from hpo.core import events
from tests.faults.promises import check, check_replay, note, run_twice
from tests.faults.tiny_search import after, decisions, kill

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.mark.faults
def test_a_second_resume_is_refused_and_a_dead_holder_is_not(place, undisturbed):
    process = place.start("submit", "tiny.yaml")
    place.wait_for(process, after(events.Reported, 3))
    second = place.run("resume", "tiny-1")
    assert second.returncode == 3
    assert f"process {process.pid} on " in second.stderr
    kill(process)
    lock, holder = place.search.lock, place.search.lock.with_suffix(".holder")
    assert lock.exists()
    assert json.loads(holder.read_text())["pid"] == process.pid
    os.utime(lock)
    killed, runs = place.record(), place.runs()
    seconds = place.resumed()
    check("a lease left by a dead process", place, undisturbed, killed, runs, seconds)


@pytest.mark.faults
def test_two_resumes_at_once(place, undisturbed):
    process = place.start("submit", "tiny.yaml")
    place.wait_for(process, after(events.TrialEnded, 3))
    kill(process)
    killed, runs = place.record(), place.runs()
    both = [place.start("resume", "tiny-1") for _ in range(2)]
    outputs = [(each.communicate(timeout=300)[1], each.returncode) for each in both]
    assert sorted(code for _, code in outputs) == [0, 3]
    (refused,) = (err for err, code in outputs if code == 3)
    (winner,) = (each.pid for each in both if each.returncode == 0)
    assert f"tiny-1 is being run by process {winner} on " in refused
    check("two resumes at once", place, undisturbed, killed, runs, None)


@pytest.mark.faults
def test_two_searches_in_one_home_do_not_disturb_each_other(place, undisturbed):
    processes = [place.start("submit", "tiny.yaml", "--json", "--again", "--reason", "two") for _ in range(2)]
    for process in processes:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    for name in ("tiny-1", "tiny-2"):
        record = place.record(name)
        assert decisions(record) == decisions(undisturbed)
        assert run_twice(record) == []
        check_replay(record)
        assert {e.event.name for e in record if hasattr(e.event, "name")} <= {name}
    runs = place.runs()
    assert len(runs) == 2 * len({run for _, run, _ in runs})
    assert {status for _, _, status in runs} <= {"FINISHED", "KILLED"}
    assert isinstance(record[-1].event, events.SearchEnded)
    note("two submits in one home", place, name=name, openings=place.openings() // 2)
