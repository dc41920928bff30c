"""The supervisor of a service: what ends is started again, and everything ends with it, even by SIGKILL."""

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from hpo.core.service_state import RunningPart, ServicePart, ServiceState
from hpo.running import supervisor
from hpo.running.supervisor import IN_USE, LASTING, LONGEST_PAUSE, STATE, SupervisedPart

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]
FAMILY = [
    sys.executable,
    "-c",
    "import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'], "
    "start_new_session=True); time.sleep(600)",
]


def plan(folder, *parts):
    state = {"marker": f"m{os.getpid()}-{folder.name}", "versions": {"ray": "1"}, "url": "u", "variables": {}}
    programs = [
        {"name": name, "command": words, "environ": {"SECRET": "s3cret"}, "address": None, "unset": ["UNSET"]}
        for name, words in parts
    ]
    return {"folder": str(folder), "state": state, "parts": programs, "unmarked": []}


def start(document):
    process = subprocess.Popen([sys.executable, "-P", "-m", "hpo.running.supervisor"], stdin=subprocess.PIPE)
    with process.stdin as pipe:
        pipe.write(json.dumps(document).encode())
    return process


def state_when(folder, holds):
    """The state of a service as soon as a condition holds for it."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if (folder / STATE).exists():
            state = ServiceState.of_json((folder / STATE).read_text())
            if holds(state):
                return state
        time.sleep(0.05)
    raise AssertionError("the moment never came")


@pytest.fixture
def supervised(tmp_path):
    processes = []

    def begin(*parts):
        processes.append(start(plan(tmp_path, *parts)))
        return processes[-1]

    yield begin
    for process in processes:
        process.terminate()
        process.wait(60)


def running(*names):
    return lambda state: {part.name for part in state.parts if part.pid} == set(names)


def test_a_part_that_ends_is_started_again_and_all_end_with_the_supervisor(supervised, tmp_path):
    process = supervised(("one", SLEEP), ("two", FAMILY))
    first = state_when(tmp_path, running("one", "two"))
    assert (first.pid, first.versions, first.url) == (process.pid, {"ray": "1"}, "u")
    assert psutil.Process(first.part("one").pid).environ()["SECRET"] == "s3cret"
    assert "s3cret" not in " ".join(psutil.Process(process.pid).cmdline())
    os.kill(first.part("one").pid, signal.SIGKILL)
    second = state_when(tmp_path, lambda state: state.part("one").ends == 1 and state.part("one").pid)
    assert second.part("one").pid != first.part("one").pid
    assert second.part("two") == first.part("two")
    deadline = time.monotonic() + 60
    while not (family := psutil.Process(second.part("two").pid).children()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.terminate()
    assert process.wait(60) == 0
    gone, alive = psutil.wait_procs(family, timeout=30)  # one in a session of its own, too
    assert (len(gone), alive) == (1, [])
    assert not any(psutil.pid_exists(part.pid) for part in second.parts)
    assert not (tmp_path / STATE).exists()


def test_two_supervisors_do_not_use_one_folder(supervised, tmp_path):
    supervised(("one", SLEEP))
    state = state_when(tmp_path, running("one"))
    assert supervised(("one", SLEEP)).wait(60) == IN_USE
    assert ServiceState.of_json((tmp_path / STATE).read_text()) == state


def test_a_state_is_read_as_it_was_written():
    part = RunningPart("Ray", 12, 3.5, ("127.0.0.1", 6379), 2)
    state = ServiceState(1, 2.0, "m", "/tmp/x", {"ray": "2"}, (part,), "http://u", {"A": "b"})
    assert ServiceState.of_json(state.to_json()) == state
    assert "http://u" not in repr(state)
    for text in ("{}", "[]", '{"parts": [1]}', '{"parts": [], "unknown": 1}'):
        with pytest.raises(ValueError, match=r"^not the state of a service: "):
            ServiceState.of_json(text)
    with pytest.raises(json.JSONDecodeError):
        ServiceState.of_json("")


def test_a_part_that_ends_soon_waits_twice_as_long_each_time(tmp_path, monkeypatch):
    clock = [1000.0]
    monkeypatch.setattr(supervisor.time, "monotonic", lambda: clock[0])
    part = SupervisedPart(ServicePart("short", (sys.executable, "-c", "")), tmp_path / "log", "")

    def pause_after(lasting=0.0):
        """Start it and let it end; seconds until it is started again."""
        assert part.tend()
        part.process.wait(60)
        clock[0] += lasting
        ended = clock[0]
        assert part.tend()
        while not part._next <= clock[0]:
            clock[0] = part._next - 0.01
            assert not part.tend()
            clock[0] = part._next
        return clock[0] - ended

    pauses = [round(pause_after(), 3) for _ in range(8)]
    assert pauses == [2, 4, 8, 16, 32, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    assert round(pause_after(LASTING + 1), 3) == 1, "it had lasted"
    assert part.state.ends == 9
