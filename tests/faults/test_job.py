"""A search that runs as a job of a cluster's job server, without the machine that submitted it."""

import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

from hpo.core import events
from hpo.core.home import Home
from tests.faults.promises import check_replay, run_twice, scores
from tests.faults.ray_cluster import TOKEN, RayCluster, command_of
from tests.faults.tiny_search import Place, after, decisions, number

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

JOBS = Path(sys.prefix) / "jobs" / "bin" / "python"
"""Interpreter that has Ray's job server beside what the tests run with; `make slow` installs it."""

COMMANDS = str(Path(sys.executable).parent)
"""Folder with the command `hpo`, which a job finds on the path of its head."""


@pytest.fixture
def cluster():
    """A head with a job server, and a node on which an epoch takes a moment."""
    if not JOBS.is_file():
        pytest.skip(f"Ray's job server is not installed in {JOBS.parent.parent}; `make slow` does so")
    path = os.pathsep.join((COMMANDS, os.environ["PATH"]))
    cluster = RayCluster(2, python=JOBS, head={"PATH": path}, TINY_SECONDS="0.1")
    try:
        yield cluster
    finally:
        cluster.end()


@pytest.fixture
def team(tmp_path, monkeypatch, cluster):
    """The folder of a user whose profile names a ledger, a store, and the job server."""
    addresses = {
        "HPO_LEDGER": f"sqlite:///{tmp_path / 'team.db'}",
        "HPO_STORE": str(tmp_path / "store"),
        "HPO_JOB_HOME": str(tmp_path / "shared"),
        "HPO_LEASE_SECONDS": "4",
        "RAY_API_SERVER_ADDRESS": cluster.jobs,
        **TOKEN,
    }
    for name, value in addresses.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "laptop").mkdir()
    place = Place(tmp_path / "laptop")
    yield place
    place.end()


def driver(search):
    """The process of a job."""
    commands = [(process, command_of(process).split()) for process in psutil.process_iter()]
    (process,) = (
        process
        for process, words in commands
        if words[-3:] == ["service", "run", search] and "python" in words[0]  # and not its shell
    )
    return process


def test_a_job_outlives_the_folder_it_was_submitted_from_and_a_killed_one_is_continued(team, undisturbed):
    submitted = team.run("submit", "tiny.yaml", "--job", "--json")
    assert submitted.returncode == 0, submitted.stderr
    assert json.loads(submitted.stdout) == {
        "search": "tiny-1",
        "job": "hpo-tiny-1-1",
        "server": os.environ["RAY_API_SERVER_ADDRESS"],
    }
    for name in ("tiny_data.py", "tiny_model.py", "tiny.yaml"):
        (team.folder / name).unlink()
    running = team.start("watch", "tiny-1", "--json")
    team.wait_for(running, after(events.Reported, 12))
    again = team.run("resume", "tiny-1", "--job")
    assert (again.returncode, "tiny-1 is being run by" in again.stderr) == (3, True), again.stderr
    driver("tiny-1").send_signal(signal.SIGKILL)
    continued = team.run("resume", "tiny-1", "--job")
    assert continued.returncode == 0, continued.stderr
    assert "tiny-1 runs on the cluster, as job hpo-tiny-1-2 of http" in continued.stdout
    watched = team.run("watch", "tiny-1")
    assert watched.returncode == 0, watched.stderr
    record = team.record()
    assert decisions(record) == decisions(undisturbed)
    assert scores(record) == scores(undisturbed)
    check_replay(record)
    assert run_twice(record) == []
    assert (team.openings(), number(record, events.TestScored), number(record, events.SearchResumed)) == (
        1,
        1,
        2,
    )
    home = Home.at(os.environ["HPO_JOB_HOME"])
    assert home.search("tiny-1").recipe.is_file()
    assert [path.name for path in (home.root / "sources").iterdir()] == [
        Path(record[0].event.spec["base"]).name
    ]
    fetched = team.run("--home", "elsewhere", "service", "fetch", "tiny-1")
    assert fetched.returncode == 0, fetched.stderr
