"""Only the leftovers of a killed search are ended and removed."""

import os
import shutil
import subprocess
import sys

import psutil
import pytest

from hpo.running import reaper
from hpo.running.reaper import MARKER, Reaper

WAITING = "import sys; print('up', flush=True); sys.stdin.read()"


@pytest.fixture
def start():
    """Starts processes that wait, with a marker in their environment."""
    started = []

    def begin(marker):
        environment = {name: value for name, value in os.environ.items() if name != MARKER}
        process = subprocess.Popen(
            [sys.executable, "-c", WAITING],
            env=environment | ({} if marker is None else {MARKER: marker}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout.readline() == "up\n"
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def _own_processes_alone(monkeypatch):
    """A fault in the choice of processes must not end those of others: it is tried on those started here."""
    monkeypatch.setattr(reaper.psutil, "process_iter", lambda: psutil.Process().children(recursive=True))


@pytest.mark.usefixtures("_own_processes_alone")
def test_only_the_processes_of_the_session_are_ended(start):
    ours, spared, other, unmarked = start("session-a"), start("session-a"), start("session-ab"), start(None)
    reaper.reap("session-a", spare=spared.pid)
    assert not psutil.pid_exists(ours.pid)
    assert [process.poll() for process in (spared, other, unmarked)] == [None, None, None]


@pytest.mark.usefixtures("_own_processes_alone")
def test_a_process_that_has_ended_is_not_waited_for(start, monkeypatch):
    """Its entry stays until its parent asks for its exit code, which may be never."""
    ended = start("session-e")
    ended.kill()
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    assert psutil.Process(ended.pid).status() == psutil.STATUS_ZOMBIE
    monkeypatch.setattr(reaper.psutil, "wait_procs", lambda *_, **__: pytest.fail("it is waited for"))
    reaper.reap("session-e", spare=os.getpid())


@pytest.mark.usefixtures("_own_processes_alone")
def test_the_child_of_a_session_outlives_the_session_that_this_process_is_part_of(
    start, tmp_path, monkeypatch
):
    monkeypatch.setenv(MARKER, "session-outer")
    folder, left = tmp_path / "session", start("session-inner")
    folder.mkdir()
    child = Reaper("session-inner", folder)
    reaper.reap("session-outer", spare=os.getpid())
    child.dismiss()
    assert left.wait(30) == -9
    assert not folder.exists()


def test_a_child_ends_remaining_processes_and_removes_the_folder(start, tmp_path):
    folder = tmp_path / "session"
    (folder / "logs").mkdir(parents=True)
    left, other = start("session-c"), start("session-d")
    Reaper("session-c", folder).dismiss()
    assert left.wait(30) == -9
    assert other.poll() is None
    assert not folder.exists()


def test_a_folder_written_to_during_removal_is_removed(tmp_path, monkeypatch):
    folder, removed = tmp_path / "hpo-session", []
    folder.mkdir()

    def rmtree(path, ignore_errors):
        shutil.rmtree(path)
        removed.append(path)
        if len(removed) == 1:
            path.mkdir()  # a process that was about to die wrote its last line

    monkeypatch.setattr(reaper, "shutil", type("Slow", (), {"rmtree": staticmethod(rmtree)}))
    reaper.remove(folder)
    assert removed == [folder, folder]
    assert not folder.exists()
